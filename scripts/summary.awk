# Summarises the output of cargo test: a row for each suite, a column for each file.
function column(file) { sub(".*/", "", file); return file }

FNR == 1 { columns[++many] = column(FILENAME); width = length(columns[many]) > width ? length(columns[many]) : width }
/^ +Running / { suite = $NF; sub(/.*\//, "", suite); sub(/-[0-9a-f]+\)?$/, "", suite) }
/^ +Doc-tests / { suite = "documentation" }
/^test result: / {
  if (!(suite in seen)) { seen[suite] = 1; suites[++rows] = suite; longest = length(suite) > longest ? length(suite) : longest }
  cell = suite SUBSEP columns[many]
  passed[cell] += $4; bad[cell] += $6; ignored[cell] += $8
}
END {
  printf "%-*s", longest, "passed"
  for (i = 1; i <= many; i++) printf "  %*s", width, columns[i]
  print ""
  for (row = 1; row <= rows; row++) {
    printf "%-*s", longest, suites[row]
    for (i = 1; i <= many; i++) {
      cell = suites[row] SUBSEP columns[i]
      text = !(cell in passed) ? "-" : passed[cell] (bad[cell] ? " (" bad[cell] " failed)" : "") (ignored[cell] ? " (" ignored[cell] " ignored)" : "")
      printf "  %*s", width, text
    }
    print ""
  }
}
