//! `prune`

use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::Tokens;
use crate::plural::count;
use crate::report::Report;

pub(crate) async fn run(format: Format, tokens: &Tokens) -> Result<Report, Failure> {
    let pruned = tokens.prune().await?;
    let report = Report::new(format, Exit::Done, &json!({ "pruned": pruned }), || human(pruned))?;
    Ok(report.answered_by_exit_code())
}

fn human(pruned: u64) -> String {
    format!("cleared away {}\n", count(pruned, "entry"))
}
