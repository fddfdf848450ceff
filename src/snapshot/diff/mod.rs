//! Comparing two snapshots: objects added, removed, renamed, changed; what was lost.
