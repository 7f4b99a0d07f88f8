//! The clock of the time limit: advances wasmtime's epoch while something runs, and sleeps while nothing does.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// One epoch. A limit is kept to within this.
const TICK: Duration = Duration::from_millis(50);

/// Ticks from its making until it is dropped, whenever a [`Running`] is alive.
pub struct Clock {
    state: Arc<State>,
}

/// Keeps the clock ticking.
pub struct Running<'a> {
    state: &'a State,
}

#[derive(Default)]
struct State {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    running: usize,
    stopped: bool,
}

impl State {
    /// The counts are whole after every statement, so a panic elsewhere does not spoil them.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    /// Starts the clock of an engine.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(engine: Engine) -> std::io::Result<Self> {
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::Builder::new()
            .name("epochs".to_owned())
            .spawn(move || tick(&shared, &engine))?;
        Ok(Self { state })
    }

    /// Lets the clock tick until the guard is dropped.
    pub fn run(&self) -> Running<'_> {
        self.state.counts().running += 1;
        self.state.changed.notify_one();
        Running { state: &self.state }
    }

    /// The number of epochs after which `time` has passed, and less than two ticks more: the first may end as
    /// soon as it has begun.
    #[must_use]
    pub fn epochs(time: Duration) -> u64 {
        u64::try_from(time.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX - 1) + 1
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.state.counts().running -= 1;
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.state.counts().stopped = true;
        self.state.changed.notify_one();
    }
}

fn tick(state: &State, engine: &Engine) {
    loop {
        let counts = state
            .changed
            .wait_while(state.counts(), |counts| {
                counts.running == 0 && !counts.stopped
            })
            .unwrap_or_else(PoisonError::into_inner);
        if counts.stopped {
            return;
        }
        drop(counts);
        thread::sleep(TICK);
        engine.increment_epoch();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_cut_short() {
        assert_eq!(Clock::epochs(Duration::ZERO), 1);
        assert_eq!(Clock::epochs(TICK), 2);
        assert_eq!(Clock::epochs(TICK + Duration::from_nanos(1)), 3);
        assert_eq!(Clock::epochs(Duration::MAX), u64::MAX);
    }
}
