//! `host-lambda`: the checkbox detector on a server, on AWS Lambda, and on the command line.
#![forbid(unsafe_code)]

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, Parser, Subcommand};
use host_lambda::app::App;
use host_lambda::count::{self, Form};
use host_lambda::input::Options;
use host_lambda::limits::Limits;
use host_lambda::module::Module;
use host_lambda::settings::Settings;
use host_lambda::{lambda, serve};

/// Finds and counts the checkboxes on pictures of forms, empty and filled.
///
/// Started inside AWS Lambda's environment without a command, it answers the function's events: HTTP, direct calls,
/// and objects in S3. Settings are environment variables, listed in README.md.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder with checkbox_detector.cwasm and module.json (and, for `serve`, the page)
    /// [default: the folder of this program]
    #[arg(
        long,
        value_name = "FOLDER",
        env = "CHECKBOX_MODULE_DIR",
        global = true,
        hide_env_values = true
    )]
    module_dir: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the page and the HTTP API on this machine
    Serve {
        /// Port to listen on; 0 takes any that is free
        #[arg(long, default_value_t = 8080)]
        port: u16,

        /// Address to listen on; 0.0.0.0 lets other machines in
        #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
        host: IpAddr,
    },

    /// Count the checkboxes of picture files
    ///
    /// Prints a table. The exit code is 1 if a file could not be counted; the others are counted all the same.
    Count {
        /// Print one JSON object per file, each on its own line, and nothing else
        #[arg(long)]
        json: bool,

        /// Lowest confidence of a box that counts, 0 to 1 [default: the detector's own]
        #[arg(long, value_name = "NUMBER", value_parser = confidence)]
        conf: Option<f64>,

        /// JPEG, PNG, WebP, TIFF, BMP or GIF files; - is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

fn confidence(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err("not a number between 0 and 1".to_owned()),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("host-lambda: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, String> {
    let on_lambda = std::env::var_os(lambda::RUNTIME_API).is_some();
    if arguments.command.is_none() && !on_lambda {
        let _ = Arguments::command().print_help();
        return Ok(ExitCode::from(2));
    }
    let dir = match arguments.module_dir {
        Some(dir) => dir,
        None => beside_this_program()?,
    };
    let load = |limits| Module::load(&dir, limits).map_err(|error| error.to_string());
    match arguments.command {
        None => {
            let memory = std::env::var(lambda::MEMORY_SIZE)
                .ok()
                .and_then(|mib| mib.parse().ok());
            let settings = Settings::on_lambda(environment())?;
            let limits = Limits::on_lambda(memory).with(&settings);
            let app = Arc::new(App::new(load(limits)?, &dir, settings)?);
            block_on(lambda::run(app))?.map_err(|error| error.to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Serve { port, host }) => {
            let settings = Settings::local(environment())?;
            let limits = Limits::default().with(&settings);
            let app = Arc::new(App::new(load(limits)?, &dir, settings)?);
            block_on(serve::serve(app, host, port))??;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Count { json, conf, files }) => {
            let module = load(Limits::default())?;
            let form = if json { Form::JsonLines } else { Form::Table };
            let options = Options {
                conf,
                ..Options::default()
            };
            match count::count(&module, &files, options, form, &mut io::stdout().lock()) {
                Ok(true) => Ok(ExitCode::SUCCESS),
                Ok(false) => Ok(ExitCode::FAILURE),
                // `host-lambda count … | head` is not a mistake.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
                Err(error) => Err(format!("cannot print: {error}")),
            }
        }
    }
}

/// The variables whose names and values are text; no setting is anything else.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn beside_this_program() -> Result<PathBuf, String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("cannot tell where this program is: {error}"))?;
    Ok(program.parent().map_or_else(PathBuf::new, PathBuf::from))
}

/// Runs to the end. What is still at work then is left behind: it has a time limit, and no one waits for it.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    Ok(result)
}
