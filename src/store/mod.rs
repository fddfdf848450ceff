//! Where archives live: publish, list, select, lock.
