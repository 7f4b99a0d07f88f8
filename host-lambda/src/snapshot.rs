//! The module as it is after `cbd_init`: its memory and its variables become their initial values, so that every
//! instance begins ready. wasmtime maps such a memory from the compiled file and copies a page of it only when it
//! is written to: a pristine instance costs next to nothing, and nothing one instance writes is seen by another.
//!
//! This is what Wizer does; Wizer refuses a module in which there is an instruction that changes a table, and
//! wasm-bindgen puts one into every module. It never runs here, which is checked instead of assumed.

use wasm_encoder::{
    ConstExpr, DataCountSection, DataSection, ExportKind, ExportSection, GlobalSection, GlobalType,
    Ieee32, Ieee64, MemorySection, MemoryType, RawSection, ValType,
};
use wasmparser::{DataKind, ExternalKind, Payload};
use wasmtime::{
    Config, Engine, Extern, Instance, Linker, Module, OptLevel, Result, Store, Table, Val, bail,
    ensure, format_err,
};

/// Exports of these names are added for the time in which the state is read.
const GLOBAL: &str = "snapshot global ";
const TABLE: &str = "snapshot table ";

/// Pages of WebAssembly memory have this size.
const PAGE: u64 = 65_536;

/// The module, started: it runs `cbd_init` and takes the state that this leaves.
///
/// # Errors
/// When the module is not valid, is of a kind that this cannot do, or `cbd_init` fails.
pub fn take(wasm: &[u8]) -> Result<Vec<u8>> {
    let parts = Parts::of(wasm)?;
    let state = State::after_init(&parts.with_state_exported()?, &parts)?;
    parts.with(&state)
}

/// A module, taken apart as far as is needed here.
struct Parts<'a> {
    wasm: &'a [u8],
    payloads: Vec<Payload<'a>>,
    tables: u32,
    globals: Vec<Global<'a>>,
}

struct Global<'a> {
    kind: wasmparser::GlobalType,
    /// Type and initial value, as they stand in the module.
    bytes: &'a [u8],
}

/// What `cbd_init` leaves behind.
struct State {
    memory: Vec<u8>,
    /// Values of the mutable globals, in their order.
    globals: Vec<Val>,
}

impl<'a> Parts<'a> {
    fn of(wasm: &'a [u8]) -> Result<Self> {
        let payloads: Vec<Payload<'a>> = wasmparser::Parser::new(0)
            .parse_all(wasm)
            .collect::<Result<_, _>>()
            .map_err(refused)?;
        let mut parts = Self {
            wasm,
            payloads: Vec::new(),
            tables: 0,
            globals: Vec::new(),
        };
        for payload in &payloads {
            match payload {
                Payload::ImportSection(imports) => {
                    for import in imports.clone().into_imports() {
                        let import = import.map_err(refused)?;
                        ensure!(
                            matches!(import.ty, wasmparser::TypeRef::Func(_)),
                            "it imports {}, which is no function",
                            import.name
                        );
                    }
                }
                Payload::TableSection(tables) => parts.tables = tables.count(),
                Payload::MemorySection(memories) => {
                    ensure!(memories.count() == 1, "it has not one memory");
                }
                Payload::GlobalSection(globals) => {
                    let mut starts = Vec::new();
                    let mut kinds = Vec::new();
                    for global in globals.clone().into_iter_with_offsets() {
                        let (start, global) = global.map_err(refused)?;
                        starts.push(start);
                        kinds.push(global.ty);
                    }
                    let last = globals.range().end;
                    let ends = starts.iter().skip(1).chain([&last]);
                    for ((start, end), kind) in starts.iter().zip(ends).zip(kinds) {
                        let bytes = wasm.get(*start..*end).unwrap_or_default();
                        parts.globals.push(Global { kind, bytes });
                    }
                }
                Payload::StartSection { .. } => bail!("it has a start function"),
                Payload::DataSection(segments) => {
                    for segment in segments.clone() {
                        let active =
                            matches!(segment.map_err(refused)?.kind, DataKind::Active { .. });
                        ensure!(active, "it has data that it copies when it runs");
                    }
                }
                _ => {}
            }
        }
        parts.payloads = payloads;
        Ok(parts)
    }

    fn mutable(&self) -> impl Iterator<Item = u32> {
        (0..)
            .zip(&self.globals)
            .filter(|(_, global)| global.kind.mutable)
            .map(|(index, _)| index)
    }

    /// Puts the module together again; `section` gives what takes a section's place, or `false` to keep it.
    fn rebuilt(
        &self,
        section: impl Fn(&Payload<'a>, &mut wasm_encoder::Module) -> Result<bool>,
    ) -> Result<Vec<u8>> {
        let mut module = wasm_encoder::Module::new();
        for payload in &self.payloads {
            if section(payload, &mut module)? {
                continue;
            }
            if let Some((id, range)) = payload.as_section() {
                let data = self.wasm.get(range).unwrap_or_default();
                module.section(&RawSection { id, data });
            }
        }
        Ok(module.finish())
    }

    /// The module with its variables and tables exported, so that they can be read.
    fn with_state_exported(&self) -> Result<Vec<u8>> {
        self.rebuilt(|payload, module| {
            let Payload::ExportSection(there) = payload else {
                return Ok(false);
            };
            let mut exports = ExportSection::new();
            for export in there.clone() {
                let export = export.map_err(refused)?;
                let kind = match export.kind {
                    ExternalKind::Func => ExportKind::Func,
                    ExternalKind::Table => ExportKind::Table,
                    ExternalKind::Memory => ExportKind::Memory,
                    ExternalKind::Global => ExportKind::Global,
                    _ => bail!("its export {} is of an unknown kind", export.name),
                };
                exports.export(export.name, kind, export.index);
            }
            for index in self.mutable() {
                exports.export(&format!("{GLOBAL}{index}"), ExportKind::Global, index);
            }
            for index in 0..self.tables {
                exports.export(&format!("{TABLE}{index}"), ExportKind::Table, index);
            }
            module.section(&exports);
            Ok(true)
        })
    }

    /// The module that begins in this state.
    fn with(&self, state: &State) -> Result<Vec<u8>> {
        self.rebuilt(|payload, module| {
            match payload {
                Payload::MemorySection(memories) => {
                    let mut section = MemorySection::new();
                    for memory in memories.clone() {
                        let memory = memory.map_err(refused)?;
                        section.memory(MemoryType {
                            minimum: state.memory.len() as u64 / PAGE,
                            maximum: memory.maximum,
                            memory64: memory.memory64,
                            shared: memory.shared,
                            page_size_log2: memory.page_size_log2,
                        });
                    }
                    module.section(&section);
                }
                Payload::GlobalSection(_) => {
                    let mut section = GlobalSection::new();
                    let mut values = state.globals.iter();
                    for global in &self.globals {
                        match global.kind.mutable.then(|| values.next()).flatten() {
                            Some(value) => {
                                let (val_type, value) = constant(value)?;
                                let kind = GlobalType {
                                    val_type,
                                    mutable: true,
                                    shared: global.kind.shared,
                                };
                                section.global(kind, &value);
                            }
                            None => {
                                section.raw(global.bytes);
                            }
                        }
                    }
                    module.section(&section);
                }
                Payload::DataCountSection { .. } => {
                    module.section(&DataCountSection { count: 1 });
                }
                Payload::DataSection(_) => {
                    let used = |byte: &u8| *byte != 0;
                    let start = state.memory.iter().position(used).unwrap_or(0);
                    let end = state
                        .memory
                        .iter()
                        .rposition(used)
                        .map_or(start, |last| last + 1);
                    let bytes = state.memory.get(start..end).unwrap_or_default();
                    let start = u32::try_from(start)?.cast_signed();
                    let mut section = DataSection::new();
                    section.active(0, &ConstExpr::i32_const(start), bytes.iter().copied());
                    module.section(&section);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })
    }
}

impl State {
    /// Runs `cbd_init` in a module whose state is exported.
    fn after_init(wasm: &[u8], parts: &Parts<'_>) -> Result<Self> {
        let mut config = Config::new();
        // It runs once, for milliseconds: compiling takes longer than anything it could gain.
        config.cranelift_opt_level(OptLevel::None);
        let engine = Engine::new(&config)?;
        let module = Module::new(&engine, wasm)?;
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&module)?;
        let instance = linker.instantiate(&mut store, &module)?;
        let tables: Vec<Table> = (0..parts.tables)
            .filter_map(|index| instance.get_table(&mut store, &format!("{TABLE}{index}")))
            .collect();
        let before = shapes(&tables, &mut store);

        let init = instance.get_typed_func::<(), i32>(&mut store, "cbd_init")?;
        let status = init.call(&mut store, ())?;
        ensure!(status == 0, "cbd_init answers {status}");

        ensure!(
            shapes(&tables, &mut store) == before,
            "cbd_init changes a table"
        );
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or_else(|| format_err!("it exports no memory"))?;
        let globals = parts
            .mutable()
            .map(|index| global(&instance, &mut store, index))
            .collect::<Result<_>>()?;
        Ok(Self {
            memory: memory.data(&store).to_vec(),
            globals,
        })
    }
}

/// Of each table, which elements there are: how many, and which of them are empty. Code that fills or clears one
/// changes that; code compiled from Rust does not replace one function by another.
fn shapes(tables: &[Table], store: &mut Store<()>) -> Vec<Vec<bool>> {
    let shape = |table: &Table| {
        (0..table.size(&*store))
            .map(|index| match table.get(&mut *store, index) {
                Some(element) => element.is_null(),
                None => true,
            })
            .collect()
    };
    tables.iter().map(shape).collect()
}

fn global(instance: &Instance, store: &mut Store<()>, index: u32) -> Result<Val> {
    match instance.get_export(&mut *store, &format!("{GLOBAL}{index}")) {
        Some(Extern::Global(global)) => Ok(global.get(store)),
        _ => bail!("global {index} cannot be read"),
    }
}

fn constant(value: &Val) -> Result<(ValType, ConstExpr)> {
    Ok(match value {
        Val::I32(value) => (ValType::I32, ConstExpr::i32_const(*value)),
        Val::I64(value) => (ValType::I64, ConstExpr::i64_const(*value)),
        Val::F32(bits) => (ValType::F32, ConstExpr::f32_const(Ieee32::new(*bits))),
        Val::F64(bits) => (ValType::F64, ConstExpr::f64_const(Ieee64::new(*bits))),
        other => bail!("it has a variable of type {:?}", other),
    })
}

fn refused(error: wasmparser::BinaryReaderError) -> wasmtime::Error {
    format_err!("{error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After `cbd_init`: memory of 3 pages with a mark in the last, variables of every type changed.
    const MODULE: &str = r#"(module
        (memory (export "memory") 1 8)
        (table (export "table") 2 funcref)
        (elem (i32.const 0) $init)
        (global $constant i32 (i32.const 7))
        (global $a (mut i32) (i32.const 1))
        (global $b (mut i64) (i64.const 1))
        (global $c (mut f32) (f32.const 1))
        (global $d (mut f64) (f64.const 1))
        (data (i32.const 16) "start")
        (data (i32.const 70) "more")
        (func $init (export "cbd_init") (result i32)
            (drop (memory.grow (i32.const 2)))
            (i32.store (i32.const 140000) (i32.const 42))
            (i32.store8 (i32.const 70) (i32.const 77))
            (global.set $a (i32.const -5))
            (global.set $b (i64.const 1099511627776))
            (global.set $c (f32.const 0.5))
            (global.set $d (f64.const nan))
            (i32.const 0))
        (func (export "state") (result i32 i32 i64 f32 f64 i32 i32)
            (i32.add (global.get $constant) (memory.size)) (global.get $a) (global.get $b) (global.get $c)
            (global.get $d) (i32.load (i32.const 140000)) (i32.load8_u (i32.const 70))))"#;

    type Shown = (i32, i32, i64, f32, f64, i32, i32);

    fn state(wasm: &[u8], init: bool) -> Shown {
        let engine = Engine::default();
        let module = Module::new(&engine, wasm).expect("valid");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("starts");
        if init {
            let init = instance.get_typed_func::<(), i32>(&mut store, "cbd_init");
            init.expect("there").call(&mut store, ()).expect("runs");
        }
        let state = instance.get_typed_func::<(), Shown>(&mut store, "state");
        state.expect("there").call(&mut store, ()).expect("runs")
    }

    #[test]
    fn an_instance_begins_where_cbd_init_ended() {
        let wasm = wat::parse_str(MODULE).expect("valid");
        let snapshot = take(&wasm).expect("taken");
        let shown = |state| format!("{state:?}");
        assert_eq!(shown(state(&snapshot, false)), shown(state(&wasm, true)));
        assert_eq!(state(&snapshot, false).0, 7 + 3);
    }

    #[test]
    fn what_cannot_be_taken_is_refused() {
        let refusal = |from: &str, to: &str| {
            assert!(MODULE.contains(from));
            let wasm = wat::parse_str(MODULE.replace(from, to)).expect("valid");
            take(&wasm).expect_err("refused").to_string()
        };
        for (from, to, word) in [
            (
                "(i32.const 0))\n        (func (export \"state\")",
                "(i32.const 1))\n        (func (export \"state\")",
                "answers 1",
            ),
            (
                "(data (i32.const 70) \"more\")",
                "(data \"more\")",
                "copies",
            ),
            (
                "(data (i32.const 70) \"more\")",
                "(func $s) (start $s)",
                "start function",
            ),
            (
                "(memory.grow (i32.const 2))",
                "(i32.add (memory.grow (i32.const 2)) (table.grow (ref.null func) (i32.const 1)))",
                "table",
            ),
            (
                "(global.set $a (i32.const -5))",
                "(table.set (i32.const 1) (ref.func $init))",
                "table",
            ),
            (
                "(memory (export \"memory\") 1 8)",
                "(global (import \"a\" \"b\") i32) (memory (export \"memory\") 1 8)",
                "imports",
            ),
        ] {
            let words = refusal(from, to);
            assert!(words.contains(word), "{to}: {words}");
        }
        assert!(take(b"no module").is_err());
    }
}
