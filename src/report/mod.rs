//! What people read: figures, tables, differences, the content of an archive.
//!
//! Everything here is a pure function from facts to text. Nothing prints, and no text that
//! came from a database reaches the screen with control characters in it.

pub mod archives;
mod changed;
pub mod checks;
pub mod consistency;
pub mod contents;
pub mod copies;
pub mod difference;
pub mod discrepancies;
pub mod figures;
mod page;
pub mod rollback;
pub mod run;
mod samples;
pub mod sidecar;
mod table;

pub use page::Page;
pub use table::{Align, Table};
