//! The clock of the time limit: advances wasmtime's epoch while something runs, and sleeps while nothing does.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// One epoch: how often a module at work is looked at.
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
