//! Rendering results: text and JSON.
