//! What decoding an archive's streams shows, without a server.

/// Streams that only their engine understands, decoded and held against the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamCheck {
    /// Rows or documents that were counted.
    pub rows: u64,
    /// Empty means that the streams are what the manifest says.
    pub flaws: Vec<Flaw>,
}

/// Something in a stream that is not what the manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The archive member, or the folder of the stream.
    pub member: String,
    /// Whose content it is, where that is known.
    pub object: Option<String>,
    /// What is wrong.
    pub problem: String,
}

impl StreamCheck {
    /// Adds a flaw.
    pub(super) fn flaw(&mut self, member: &str, object: Option<&str>, problem: impl Into<String>) {
        self.flaws.push(Flaw {
            member: member.to_owned(),
            object: object.map(str::to_owned),
            problem: problem.into(),
        });
    }
}
