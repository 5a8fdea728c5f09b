//! `prune`

use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::format::Format;
use crate::open::Tokens;
use crate::report::Report;

pub(crate) async fn run(format: Format, tokens: &Tokens) -> Result<Report, Failure> {
    let pruned = tokens.prune().await?;
    Report::new(format, Exit::Done, &json!({ "pruned": pruned }), || {
        format!("cleared away {pruned} entries\n")
    })
}
