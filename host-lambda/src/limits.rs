//! Every limit of the host, in one place. The module has its own (bytes, pixels); `GET /info` shows both.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use serde::Serialize;

use crate::settings::Settings;

const MIB: usize = 1024 * 1024;

/// Most linear memory one request may use. What takes most is a picture of the module's largest size (100 megapixels
/// in RGB) that is turned upright and then drawn into: between 1 and 1.5 GiB, measured. A letter page needs a tenth.
const MEMORY_BYTES: usize = 1536 * MIB;

/// Kept for the host itself when a Lambda function's memory is smaller than what a request might like.
const LAMBDA_RESERVE_BYTES: usize = 192 * MIB;

/// Memory for which Lambda gives a function the time of one processor (AWS Lambda's documentation, "Configure function memory").
const LAMBDA_MIB_PER_PROCESSOR: usize = 1769;

/// Longest time the module may work on one request. A letter page takes well under a second; the largest
/// picture that is decoded, a few.
const TIME: Duration = Duration::from_secs(30);

/// Longest request body: the module's largest file (64 MiB) in base64, and the JSON around it.
const BODY_BYTES: usize = 86 * MIB;

/// Lambda's limit on an answer, the JSON envelope included (6 MiB; what it allows over that is not relied on).
const LAMBDA_RESPONSE_BYTES: usize = 6 * MIB;

/// What an answer's JSON envelope takes on Lambda beside the body: status, headers.
pub const LAMBDA_ENVELOPE_BYTES: usize = 8 * 1024;

/// Most memory that bodies may take which have come or are coming, all of them together: a few of the longest, or
/// thousands of scans.
const ALL_BODIES_BYTES: usize = 512 * MIB;

/// Requests that may wait for their turn unless the settings say otherwise.
const QUEUE: usize = 256;

/// Pages that are looked through for the one that a request asks for; one page of a large file is not a large batch.
pub const MOST_PAGES: usize = 10_000;

/// Pages in one request unless the settings say otherwise.
const BATCH: usize = 100;

/// What a host allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most linear memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// Most linear memory of all instances together, in bytes; `None` where the machine's own is the limit.
    pub all_memory_bytes: Option<usize>,
    /// Most working time of one request in the module.
    pub time: Duration,
    /// Longest request body in bytes.
    pub body_bytes: usize,
    /// Longest answer in bytes as Lambda counts it; `None` where there is no such limit.
    pub response_bytes: Option<usize>,
    /// Longest bodies of all requests together, in bytes.
    pub all_bodies_bytes: usize,
    /// Pages worked on side by side; the others wait.
    pub concurrency: usize,
    /// Requests that may wait; further ones are refused.
    pub queue: usize,
    /// Pictures in one request, and pages in all of them together.
    pub batch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: MEMORY_BYTES,
            all_memory_bytes: None,
            time: TIME,
            body_bytes: BODY_BYTES,
            response_bytes: None,
            all_bodies_bytes: ALL_BODIES_BYTES,
            concurrency: available_parallelism().map_or(1, NonZeroUsize::get),
            queue: QUEUE,
            batch: BATCH,
        }
    }
}

impl Limits {
    /// The limits inside a Lambda function with this much memory (MiB, as Lambda states it in
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`): a picture too large for the function must cost its own request, not
    /// the whole process.
    #[must_use]
    pub fn on_lambda(function_memory_mib: Option<usize>) -> Self {
        let all = |mib: usize| (mib * MIB).saturating_sub(LAMBDA_RESERVE_BYTES);
        let processors = |mib: usize| (mib / LAMBDA_MIB_PER_PROCESSOR).max(1);
        let limits = Self {
            all_memory_bytes: function_memory_mib.map(all),
            response_bytes: Some(LAMBDA_RESPONSE_BYTES),
            ..Self::default()
        };
        // A function is shown more processors than it has the time of.
        let fits = function_memory_mib.map_or(limits.concurrency, processors);
        limits.side_by_side(fits.min(limits.concurrency))
    }

    /// These, with so many pages at once, among which the memory is divided.
    fn side_by_side(self, concurrency: usize) -> Self {
        let share = self.all_memory_bytes.map(|all| all / concurrency.max(1));
        Self {
            concurrency,
            memory_bytes: share.map_or(self.memory_bytes, |share| share.min(MEMORY_BYTES)),
            ..self
        }
    }

    /// These, with what the settings say.
    #[must_use]
    pub fn with(self, settings: &Settings) -> Self {
        let limits = self.side_by_side(settings.concurrency.unwrap_or(self.concurrency));
        Self {
            queue: settings.queue.unwrap_or(limits.queue),
            batch: settings.max_batch.unwrap_or(limits.batch),
            ..limits
        }
    }

    /// Largest picture that an answer can carry: it goes in base64, four bytes for three.
    #[must_use]
    pub fn picture_bytes(&self) -> Option<usize> {
        let room = self.response_bytes?.saturating_sub(LAMBDA_ENVELOPE_BYTES);
        Some(room / 4 * 3)
    }

    /// The limits as `GET /info` shows them.
    #[must_use]
    pub fn shown(&self) -> Shown {
        Shown {
            max_body_bytes: self.body_bytes,
            max_response_bytes: self.response_bytes,
            max_memory_bytes: self.memory_bytes,
            max_time_ms: self.time.as_millis(),
            concurrency: self.concurrency,
            max_waiting_requests: self.queue,
            max_batch: self.batch,
        }
    }
}

/// [`Limits`] for callers.
#[derive(Debug, Serialize)]
pub struct Shown {
    max_body_bytes: usize,
    max_response_bytes: Option<usize>,
    max_memory_bytes: usize,
    max_time_ms: u128,
    concurrency: usize,
    max_waiting_requests: usize,
    max_batch: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_function_gets_less_memory_and_a_large_one_no_more() {
        assert_eq!(Limits::on_lambda(Some(512)).memory_bytes, 320 * MIB);
        assert_eq!(Limits::on_lambda(Some(3008)).memory_bytes, MEMORY_BYTES);
        assert_eq!(Limits::on_lambda(None).memory_bytes, MEMORY_BYTES);
    }

    #[test]
    fn pages_side_by_side_share_a_functions_memory() {
        // Half a gigabyte is a third of a processor, whatever the machine shows.
        assert_eq!(Limits::on_lambda(Some(512)).concurrency, 1);
        let limits = Limits::on_lambda(Some(1769)).side_by_side(4);
        assert_eq!(limits.memory_bytes * 4, (1769 - 192) * MIB);
        // On one's own machine nothing is divided.
        assert_eq!(
            Limits::default().side_by_side(64).memory_bytes,
            MEMORY_BYTES
        );
    }
}
