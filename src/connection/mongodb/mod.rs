//! MongoDB: connection strings, sessions, and what reaches the tools.

mod failure;
mod session;
mod tools;
mod url;

pub use failure::{classified, is_lost};
pub use session::Session;
pub use tools::ToolConfig;
pub use url::MongoUrl;
