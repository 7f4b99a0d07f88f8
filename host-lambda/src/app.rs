//! What every way in shares: the module, whose turn it is, and the work that a request asks for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::answer::{self, Answer};
use crate::auth::Gate;
use crate::failure::Failure;
use crate::identity::sha256;
use crate::input::{self, Format, Options, Picture};
use crate::limits::{Limits, MOST_PAGES};
use crate::log::{Log, Report};
use crate::module::{Manifest, Module, Patience, WASM_FILE};
use crate::page::Page as Site;
use crate::pages::{self, Page};
use crate::settings::Settings;

/// Everything that answering takes.
pub struct App {
    module: Arc<Module>,
    settings: Settings,
    /// One permit for each page that is worked on.
    slots: Arc<Semaphore>,
    /// One permit for each request that is worked on or waits.
    queue: Arc<Semaphore>,
    gate: Gate,
    log: Log,
    site: Option<Site>,
    wasm_path: PathBuf,
    /// The module's file, once someone has asked for it.
    wasm: OnceCell<Bytes>,
}

/// A request's place in the queue. When it is dropped, whatever still runs for the request is ended: no one waits
/// for it any more.
pub struct Turn {
    patience: Patience,
    clocks: Arc<Clocks>,
    _place: OwnedSemaphorePermit,
}

/// Microseconds, of all pages together.
#[derive(Default)]
struct Clocks {
    waited: AtomicU64,
    worked: AtomicU64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.patience.leave();
    }
}

impl Turn {
    /// Notes the times in a report.
    pub fn note(&self, report: &mut Report) {
        let ms = |clock: &AtomicU64| clock.load(Ordering::Relaxed) as f64 / 1e3;
        report.queue_ms = ms(&self.clocks.waited);
        report.detector_ms = ms(&self.clocks.worked);
    }
}

/// An annotated picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The picture's file.
    pub bytes: Bytes,
    /// Its format.
    pub format: Format,
    /// Its size, as a part of that of the original.
    pub scale: f64,
}

impl App {
    /// An app around a module; the page, the module's file and the key set are looked for in `dir`.
    ///
    /// # Errors
    /// In words, when the key set cannot be read.
    pub fn new(module: Module, dir: &Path, settings: Settings) -> Result<Self, String> {
        let limits = module.limits();
        let places = limits.concurrency.saturating_add(limits.queue);
        Ok(Self {
            slots: Arc::new(Semaphore::new(limits.concurrency)),
            queue: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            gate: Gate::new(&settings.access, dir)?,
            log: Log::new(&settings),
            module: Arc::new(module),
            settings,
            site: Site::open(&dir.join("page")),
            wasm_path: dir.join(WASM_FILE),
            wasm: OnceCell::new(),
        })
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The limits that it runs under.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        self.module.limits()
    }

    /// Which module it is.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.module.manifest()
    }

    /// What the service was told.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who may call over HTTP.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Where it says what happens.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The page for browsers, if it is installed.
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        self.site.as_ref()
    }

    /// Takes a place in the queue.
    ///
    /// # Errors
    /// `busy` if it is full.
    pub fn enter(&self, deadline: Option<Instant>) -> Result<Turn, Failure> {
        let place = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| {
            Failure::new(
                "busy",
                format!(
                    "{} requests are worked on and {} wait already; try again in a moment",
                    self.limits().concurrency,
                    self.limits().queue
                ),
            )
        })?;
        Ok(Turn {
            patience: Patience::until(deadline),
            clocks: Arc::default(),
            _place: place,
        })
    }

    /// Works on a thread of its own, as many side by side as there are cores. The permit goes with the work, so
    /// that a caller who leaves does not let a further one in before the work is done.
    async fn work<T: Send + 'static>(
        &self,
        turn: &Turn,
        work: impl FnOnce(&Module, &Patience) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        let permit = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(|_| Failure::new("cancelled", "the server is stopping"))?;
        let add = |clock: &AtomicU64, start: Instant| {
            let passed = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
            clock.fetch_add(passed, Ordering::Relaxed);
        };
        add(&turn.clocks.waited, start);
        let module = Arc::clone(&self.module);
        let patience = turn.patience.clone();
        let start = Instant::now();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&module, &patience)
        });
        let result = task.await;
        add(&turn.clocks.worked, start);
        result.unwrap_or_else(|error| Err(Failure::new("internal", error.to_string())))
    }

    /// Finds the checkboxes of pictures; pages run side by side. `batch`: the answer is a list, whatever became of
    /// each.
    ///
    /// # Errors
    /// Of the only picture, and `batch_too_large`.
    pub async fn detect(
        &self,
        pictures: Vec<Picture>,
        batch: bool,
        options: Options,
        turn: &Turn,
    ) -> Result<Answer, Failure> {
        let model = self.module.info().model.version.clone();
        let most = self.limits().batch;
        let opened: Vec<(String, Result<Vec<Page>, Failure>)> = pictures
            .into_iter()
            .map(|picture| {
                let pages = picture.file.and_then(|file| chosen(&file, options, most));
                (picture.name, pages)
            })
            .collect();
        let count = opened
            .iter()
            .map(|(_, pages)| pages.as_ref().map_or(1, Vec::len));
        input::check_batch(count.sum(), most)?;

        let options = self.options(options).for_detect();
        let work = |page: Page| {
            let options = options.clone();
            self.work(turn, move |module, patience| {
                module.detect_for(&page.bytes(), &options, patience)
            })
        };
        // As many as can run: a large batch then takes turns with the requests beside it.
        let all: Vec<Page> = opened
            .iter()
            .flat_map(|(_, pages)| pages.iter().flatten().cloned())
            .collect();
        let results: Vec<_> = stream::iter(all.into_iter().map(work))
            .buffered(self.limits().concurrency)
            .collect()
            .await;
        let mut results = results.into_iter();
        let mut answers = Vec::new();
        for (name, pages) in opened {
            let answer = pages.and_then(|pages| {
                answer::of_pages(results.by_ref().take(pages.len()).collect(), &model)
            });
            answers.push((name, answer));
        }
        match answers.pop() {
            Some((_, answer)) if !batch && answers.is_empty() => answer,
            last => {
                answers.extend(last);
                Ok(answer::of_batch(answers, &model))
            }
        }
    }

    /// Draws the checkboxes into a picture: into its first page, or the one asked for. Where an answer has a limit
    /// and the picture does not fit, it becomes a JPEG, then a smaller one.
    ///
    /// # Errors
    /// Of the picture, and `response_too_large` if nothing fits that could still be read.
    pub async fn annotate(
        &self,
        file: Bytes,
        options: Options,
        turn: &Turn,
    ) -> Result<Drawn, Failure> {
        let only_first = Options {
            page: options.page.or(Some(1)),
            ..options
        };
        let mut pages = chosen(&file, only_first, self.limits().batch)?;
        let page = Arc::new(pages.remove(0));
        let mut options = self.options(options);
        let mut format = options.format.unwrap_or_default();
        let mut scale = 1.0;
        loop {
            options.format = Some(format);
            let module_options = options.for_annotate(scale);
            let page = Arc::clone(&page);
            let bytes = self
                .work(turn, move |module, patience| {
                    module.annotate_for(&page.bytes(), &module_options, patience)
                })
                .await?;
            let most = match self.limits().picture_bytes() {
                Some(most) if bytes.len() > most => most,
                _ => {
                    return Ok(Drawn {
                        bytes: bytes.into(),
                        format,
                        scale,
                    });
                }
            };
            if format == Format::Png {
                format = Format::Jpeg;
                continue;
            }
            // A picture's file grows about with its area; a little less, because details weigh more in a small one.
            let fits = (most as f64 / bytes.len() as f64).sqrt() * 0.9;
            scale *= fits.min(0.8);
            if scale < SMALLEST {
                return Err(Failure::new(
                    "response_too_large",
                    format!(
                        "an answer may carry a picture of {most} bytes, and this one does not fit even at a fifth of \
                         its size; send a smaller picture"
                    ),
                ));
            }
        }
    }

    /// Options, with the service's own threshold where the request names none.
    fn options(&self, options: Options) -> Options {
        options.or(Options {
            conf: self.settings.conf,
            ..Options::default()
        })
    }

    /// The module's file, which is checked to be the one that runs.
    ///
    /// # Errors
    /// `not_found`, and `internal` if it is another one.
    pub async fn wasm(&self) -> Result<Bytes, Failure> {
        let read = async || {
            let bytes = tokio::fs::read(&self.wasm_path).await.map_err(|_| {
                Failure::new(
                    "not_found",
                    "the module's file is not installed on this server",
                )
            })?;
            if sha256(&bytes) != self.manifest().sha256 {
                return Err(Failure::new(
                    "internal",
                    "the module's file on this server is not the one that it runs; run `precompile` again",
                ));
            }
            Ok(Bytes::from(bytes))
        };
        self.wasm.get_or_try_init(read).await.cloned()
    }

    /// Whether the module still works. Not in the queue of the others: a busy server is not an ill one.
    pub async fn is_healthy(&self) -> bool {
        let module = Arc::clone(&self.module);
        let works = tokio::task::spawn_blocking(move || module.check()).await;
        matches!(works, Ok(Ok(())))
    }
}

/// A picture scaled down further than this shows no checkbox.
const SMALLEST: f64 = 0.2;

/// The pages of a file that a request is about.
fn chosen(file: &Bytes, options: Options, most: usize) -> Result<Vec<Page>, Failure> {
    if file.starts_with(b"%PDF") {
        return Err(Failure::new(
            "unsupported_format",
            "a PDF is not read here: send each of its pages as a picture (`pdftoppm -r 200 -png`), or open it in the \
             page for browsers, which turns it into pictures itself",
        ));
    }
    let Some(number) = options.page else {
        return pages::pages(file, most);
    };
    // One page of a large file is not a large batch.
    let mut pages = pages::pages(file, MOST_PAGES)?;
    if number > pages.len() {
        return Err(Failure::new(
            "no_such_page",
            format!("there is no page {number}; the file has {}", pages.len()),
        ));
    }
    Ok(vec![pages.swap_remove(number - 1)])
}
