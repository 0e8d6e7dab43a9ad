//! Consumers of enhanced fan-out: registered or found, and which of them are ours.
//!
//! A registered consumer costs money as long as it is registered, and others may read by it: so we note those that we
//! registered, and take back no other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::select::Stream;
use super::start::look;
use super::{StreamIngestRequest, StreamNotice, StreamObserver};
use crate::error::{Error, StreamIngestError};
use crate::feature_store::FeatureStore;
use crate::model::StreamId;
use crate::registry::Access;
use crate::source::kinesis::{ApiError, AwsApi, Consumer, Endpoint, ShardApi, StreamError, WallClock};

/// How long a consumer may take to become active.
const PATIENCE: Duration = Duration::from_mins(2);
/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// The longest name that Kinesis takes.
const LONGEST_NAME: usize = 128;

/// A consumer that was taken back, or was not there any more.
#[derive(Clone, Debug, Serialize)]
pub struct Deregistered {
    /// name of the stream
    pub stream: String,
    /// ARN of the consumer
    pub consumer: String,
    /// it was still there
    pub existed: bool,
}

/// The consumers that feast-rs registered for this repo, by ARN, with their streams.
struct Notes {
    path: PathBuf,
}

impl Notes {
    fn beside(store: &Path) -> Self {
        let mut name = store.as_os_str().to_owned();
        name.push("-feast-rs.consumers.json");
        Self { path: name.into() }
    }

    fn read(&self) -> Result<BTreeMap<String, String>, Error> {
        match std::fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| Error::internal(format!("read `{}`", self.path.display()), error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(Error::io(format!("read `{}`", self.path.display()), error)),
        }
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) -> Result<(), Error> {
        let mut notes = self.read()?;
        change(&mut notes);
        let failed = |error| Error::io(format!("write `{}`", self.path.display()), error);
        let text = serde_json::to_vec_pretty(&notes).map_err(|error| Error::internal("note a consumer", error))?;
        let staged = self.path.with_extension("json.new");
        std::fs::write(&staged, text).map_err(failed)?;
        std::fs::rename(&staged, &self.path).map_err(failed)
    }
}

impl FeatureStore<'_> {
    /// The consumer to whom the records of a stream are pushed, active; `None` where the source wants none, or none can be
    /// had, which is told: its shards are polled then.
    pub(super) async fn consumer<A: ShardApi>(
        &self,
        api: &A,
        stream: &Stream,
        id: &StreamId,
        observer: &dyn StreamObserver,
    ) -> Result<Option<Arc<str>>, Error> {
        if !stream.kinesis.options.enhanced_fan_out {
            return Ok(None);
        }
        let name = consumer_name(&self.settings.project, stream);
        match self.active(api, id, &name).await? {
            Ok(arn) => Ok(Some(arn)),
            Err(error) => {
                let text =
                    format!("`{}`: no fan-out as the consumer `{name}`, its shards are polled: {error}", stream.name());
                observer.notice(&StreamNotice::Warning(text));
                Ok(None)
            }
        }
    }

    /// The consumer of that name, registered if there is none, once it is active.
    async fn active<A: ShardApi>(
        &self,
        api: &A,
        id: &StreamId,
        name: &str,
    ) -> Result<Result<Arc<str>, ApiError>, Error> {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = match api.consumer(id, name).await {
                Err(ApiError::NotFound(_)) => match api.register(id, name).await {
                    Ok(consumer) => {
                        let notes = Notes::beside(&self.online_settings()?.path);
                        notes.change(|notes| drop(notes.insert(consumer.arn.clone(), id.arn.clone())))?;
                        Ok(consumer)
                    }
                    // another process was faster
                    Err(ApiError::InUse(_)) => Err(ApiError::Unavailable("it is being registered".to_owned())),
                    Err(error) => Err(error),
                },
                other => other,
            };
            match found {
                Ok(Consumer { arn, active: true }) => return Ok(Ok(arn.into())),
                Ok(_) if Instant::now() < until => {}
                Ok(_) => return Ok(Err(ApiError::Unavailable(format!("it is not active after {PATIENCE:?}")))),
                Err(error) if error.is_transient() && Instant::now() < until => {}
                Err(error) => return Ok(Err(error)),
            }
            sleep(LOOK).await;
        }
    }

    /// Takes the consumers back that feast-rs registered for the streams of these views.
    ///
    /// # Errors
    /// An unknown view, or Kinesis refuses.
    pub async fn deregister_consumers(
        &self,
        views: &[String],
        endpoint_url: Option<String>,
        clock: WallClock,
    ) -> Result<Vec<Deregistered>, Error> {
        let snapshot = self.registry(Access::Read)?.snapshot()?;
        let everywhere = super::Destination { online: true, offline: false };
        let request =
            StreamIngestRequest { views: views.to_vec(), to: Some(everywhere), ..StreamIngestRequest::default() };
        let notes = Notes::beside(&self.online_settings()?.path);
        let endpoint = Endpoint { url: endpoint_url };
        let mut done = Vec::new();
        for stream in self.kinesis_streams(&snapshot, &request)? {
            let api = AwsApi::new(&stream.kinesis, &endpoint, clock.clone()).await;
            let (summary, _) = look(&api, stream.name()).await.map_err(StreamIngestError::from)?;
            let ours = notes.read()?;
            for consumer in ours.into_iter().filter(|(_, of)| *of == summary.id.arn).map(|(consumer, _)| consumer) {
                let existed = match api.deregister(&consumer).await {
                    Ok(()) => true,
                    Err(ApiError::NotFound(_)) => false,
                    Err(source) => {
                        let (doing, stream) = ("take back the consumer", stream.name().to_owned());
                        return Err(StreamIngestError::from(StreamError::Api { doing, stream, source }).into());
                    }
                };
                notes.change(|notes| drop(notes.remove(&consumer)))?;
                done.push(Deregistered { stream: stream.name().to_owned(), consumer, existed });
            }
        }
        Ok(done)
    }
}

/// The declared name, else one of the project and the source.
fn consumer_name(project: &str, stream: &Stream) -> String {
    if let Some(name) = &stream.kinesis.options.consumer_name {
        return name.clone();
    }
    let name = format!("feast-rs-{project}-{}", stream.source.name);
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' };
    name.chars().map(allowed).take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_registered_is_noted_beside_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::beside(&folder.path().join("online.db"));
        assert!(notes.read().unwrap().is_empty());
        notes.change(|notes| drop(notes.insert("consumer".into(), "stream".into()))).unwrap();
        assert_eq!(notes.read().unwrap()["consumer"], "stream");
        notes.change(|notes| drop(notes.remove("consumer"))).unwrap();
        assert!(notes.read().unwrap().is_empty());
        std::fs::write(&notes.path, "?").unwrap();
        assert!(notes.read().is_err());
    }
}
