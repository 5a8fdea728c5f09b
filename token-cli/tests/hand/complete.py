"""Types a line and the tabulator in a real shell with the completion script, until all of the expected words are shown.

complete.py SHELL SCRIPT LINE WORD…
"""
import fcntl, os, pty, re, select, struct, sys, termios, time

shell, script, line, expected = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "bind 'set completion-query-items 0'; bind 'set page-completions off'; bind 'set show-all-if-ambiguous on'; "
             "bind 'set enable-bracketed-paste off'; source " + script),
    "zsh": (["zsh", "-f", "-i"],
            "autoload -U compinit; compinit -u -D; LISTMAX=10000; source " + script + "; compdef _token-cli token-cli"),
}
argv, prepare = START[shell]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 250, 0, 0))
    os.execvp(argv[0], argv)

def plain(text):
    return re.sub(rb"\x1b\[[0-9;?>=]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]|\r", b"", text).decode(errors="replace")

def until(done, seconds=40):
    shown, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                more = os.read(terminal, 65536)
            except OSError:
                break
            shown += more
        if done(plain(shown)):
            return True, plain(shown)
    return False, plain(shown)

os.write(terminal, (prepare + "; echo rea'dy'\n").encode())
ready, shown = until(lambda text: "ready" in text)
if not ready:
    sys.exit("the shell is not ready: " + shown)
os.write(terminal, (line + "\t" + ("\t" if shell == "bash" else "")).encode())
start = line[:max(line.rfind(" "), line.rfind("=")) + 1]
# A single word is put into the line instead of being listed.
complete, shown = until(lambda text: all(word in text.replace(line, "") or start + word in text for word in expected))
os.close(terminal)
os.waitpid(child, 0)
if not complete:
    sys.exit("only this is shown: " + shown)
