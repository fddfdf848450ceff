//! Order-independent fingerprints of rows and columns.
