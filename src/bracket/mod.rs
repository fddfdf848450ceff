//! One migration run: a state machine and a journal.
