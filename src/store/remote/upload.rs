//! Bytes one after the other → an object, which is there when all of them are.

use super::bucket::Bucket;
use super::{Reply, UPLOAD_BYTES};
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use std::sync::Arc;

/// An object being sent. It holds [`UPLOAD_BYTES`] at most.
pub(crate) struct Upload {
    bucket: Arc<Bucket>,
    key: String,
    /// What was not sent yet.
    held: Vec<u8>,
    /// What was sent in parts, where one was not enough.
    sent: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    /// Nothing sent.
    pub(crate) fn new(bucket: &Arc<Bucket>, key: &str) -> Upload {
        Upload { bucket: bucket.clone(), key: key.to_string(), held: Vec::new(), sent: None }
    }

    /// Puts bytes behind those before.
    ///
    /// # Errors
    /// What failed, with the URL.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) -> Reply<()> {
        while !bytes.is_empty() {
            if self.held.len() as u64 == UPLOAD_BYTES {
                self.send()?;
            }
            let n = bytes.len().min(UPLOAD_BYTES as usize - self.held.len());
            self.held.reserve_exact(n);
            self.held.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Sends what is held as a part.
    fn send(&mut self) -> Reply<()> {
        let part = PutPayload::from(std::mem::take(&mut self.held));
        if self.sent.is_none() {
            let path = self.bucket.path(&self.key)?;
            self.sent = Some(self.bucket.wait(&self.key, async { self.bucket.client().put_multipart(&path).await })?);
        }
        let Some(sent) = &mut self.sent else { return Err(self.bucket.fail(&self.key, "was not begun")) };
        self.bucket.wait(&self.key, sent.put_part(part))
    }

    /// Makes the object visible.
    ///
    /// # Errors
    /// What failed, with the URL; then it is not there.
    pub(crate) fn finish(mut self) -> Reply<()> {
        if self.sent.is_none() {
            return self.bucket.put(&self.key, std::mem::take(&mut self.held));
        }
        self.send()?;
        let Some(mut sent) = self.sent.take() else { return Ok(()) };
        let done = self.bucket.wait(&self.key, async { sent.complete().await.map(drop) });
        if done.is_err() {
            self.sent = Some(sent);
        }
        done
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut sent) = self.sent.take() {
            // Parts that were sent are kept, and paid for, until they are taken back. If that fails too, the service's own rules
            // for what was not finished remain.
            let _ = self.bucket.wait(&self.key, async { sent.abort().await });
        }
    }
}
