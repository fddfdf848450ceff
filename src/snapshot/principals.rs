//! Users and roles that are defined in a database (MongoDB). Passwords are no part of them.

use serde::{Deserialize, Serialize};

/// A role that somebody has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GrantedRole {
    /// Its name.
    pub role: String,
    /// The database that it is defined in.
    pub database: String,
}

/// What a role allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Privilege {
    /// On what, as the server says it (JSON).
    pub resource: String,
    /// Sorted.
    pub actions: Vec<String>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatabaseUser {
    /// Its name.
    pub name: String,
    /// Its roles, sorted.
    pub roles: Vec<GrantedRole>,
    /// How it may log in, such as `SCRAM-SHA-256`.
    pub mechanisms: Vec<String>,
    /// Where from and where to it may log in, as the server says it (JSON).
    pub restrictions: Vec<String>,
    /// A command that makes it; asks for a password.
    pub create: String,
}

/// A role that is not built in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatabaseRole {
    /// Its name.
    pub name: String,
    /// Roles whose privileges it has too, sorted.
    pub roles: Vec<GrantedRole>,
    /// Its own privileges, sorted.
    pub privileges: Vec<Privilege>,
    /// Where from and where to who has it may log in, as the server says it (JSON).
    pub restrictions: Vec<String>,
    /// A command that makes it.
    pub create: String,
}
