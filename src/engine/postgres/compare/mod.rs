//! Compares an archive with its restored copy.
