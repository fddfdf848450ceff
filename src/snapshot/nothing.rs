//! A sink that keeps nothing, for reading a database only to hash it: engines hash before they
//! hand over.

use async_trait::async_trait;

use super::{SeamError, Sink, StreamId, StreamWriter};

/// Takes everything and keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

#[async_trait]
impl Sink for Nothing {
    async fn member(&self, _name: &str, _bytes: Vec<u8>) -> Result<(), SeamError> {
        Ok(())
    }

    fn stream(&self, _id: StreamId) -> Box<dyn StreamWriter> {
        Box::new(Self)
    }
}

#[async_trait]
impl StreamWriter for Nothing {
    fn push(&mut self, _bytes: &[u8]) -> Result<bool, SeamError> {
        Ok(false)
    }

    async fn drain(&mut self) -> Result<(), SeamError> {
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), SeamError> {
        Ok(())
    }
}
