//! What one client may ask of a server.

use std::time::Duration;

const KIB: usize = 1024;

/// Connections at a time; more wait until one ends.
pub(super) const CONNECTIONS: usize = 1024;
/// Bytes of a request's head.
pub(super) const HEAD_BYTES: usize = 64 * KIB;
/// For a request's head to arrive, and for a kept connection to be used again. Feast's server closes as soon.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(30);
/// For a client to take more of an answer.
pub(super) const WRITE_TIME: Duration = Duration::from_secs(30);
/// For the body of a small request to arrive whole.
pub(super) const BODY_TIME: Duration = Duration::from_secs(30);
/// For requests at work to end when the server stops.
pub(super) const LAST_TIME: Duration = Duration::from_secs(10);

/// Bytes of a body that asks for features, or for a materialization.
pub(super) const ASK_BYTES: usize = 4 * 1024 * KIB;
/// Bytes up to which a body is taken at once; a larger one waits for its turn.
pub(super) const SMALL_BODY: usize = 64 * KIB;
/// Larger bodies without records that are held at a time.
pub(super) const LARGE_BODIES: usize = 8;
/// Feature references in one request.
pub(super) const FEATURES: usize = 1_000;
/// Entities in one request.
pub(super) const ENTITIES: usize = 10_000;
/// Values in the answer to one request: features times entities. An answer of that many has about 25 MB.
pub(super) const VALUES: usize = 250_000;
/// Values in the `entities` of one request, lists and their elements counted.
pub(super) const GIVEN_VALUES: usize = 100_000;

/// Bytes of a body with records. Bodies with more go to `/push/ndjson`, which stores them as they come.
pub(super) const RECORD_BYTES: usize = 64 * 1024 * KIB;
/// Records in one body.
pub(super) const RECORDS: usize = 100_000;
/// For a body with records to arrive whole.
pub(super) const RECORD_TIME: Duration = Duration::from_mins(5);
/// For the next piece of a bulk body to arrive.
pub(super) const PIECE_TIME: Duration = Duration::from_secs(30);

/// Values up to which a read runs where it arrived: less than a tenth of a millisecond.
pub(super) const SMALL_READ: usize = 512;
/// Larger bodies with records that are held at a time.
pub(super) const LARGE_RECORD_BODIES: usize = 2;
/// Bodies with records that are written at a time; the store has one writer.
pub(super) const WRITES: usize = 2;
/// Bulk bodies at a time. They have turns of their own: one may be slow for as long as it likes.
pub(super) const BULKS: usize = 2;
/// Between two looks at the registry.
pub(super) const REGISTRY_LOOK: Duration = Duration::from_millis(100);
/// An end of a materialization that lies ahead by less is the client's clock.
pub(super) const CLOCK_SKEW_SECONDS: i64 = 60;

/// Large reads at a time. They take nothing but processors.
pub(super) fn large_reads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
