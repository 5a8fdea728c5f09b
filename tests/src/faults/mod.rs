//! Faults under load, their histories, and a judge that knows only a history.

pub mod history;
mod judge;
mod load;
mod rounds;
mod stage;
mod summary;

pub use judge::{Judgement, Violation};
pub use rounds::{Plan, run};
pub use stage::Fault;
pub use summary::Summary;
