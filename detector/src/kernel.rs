//! The innermost loop of both networks: four rows of weights times eight columns of pixels.
//!
//! Of the kernels that tract 0.23 has for WebAssembly the one it takes, eight by eight, keeps sixteen vectors of four
//! sums. x86-64 has as many vector registers, and the operands of a step need some as well, so that V8 moves sums to memory
//! and back all the time. Four by eight keeps eight: in a loop of nothing else, on an AMD EPYC, 39 GFLOP a second instead of
//! 32 in V8, and 36 instead of 23 in wasmtime with a time limit. What that is worth for a page: README, "How fast". Each
//! sum is added up in the same order, so the networks' answers are the same, bit for bit.
//!
//! tract collects its kernels and the rules that choose between them with the crate `inventory`, from whichever crate
//! submits some; what is submitted here is named nowhere else. It speaks for WebAssembly alone: on other processors tract's
//! own kernels run.

use tract_onnx::prelude::DatumType;
use tract_onnx::tract_core::tract_linalg::isa::Arch;
use tract_onnx::tract_core::tract_linalg::mmm::{DynKernel, FusedKerSpec, OutputStoreKer};
use tract_onnx::tract_core::tract_linalg::mmm_routines::MmmRoutine;
use tract_onnx::tract_core::tract_linalg::mmm_tiers::MmmTier;
use tract_onnx::tract_core::tract_linalg::pack::Packing;

const ROWS: usize = 4;
const COLUMNS: usize = 8;
const NAME: &str = "checkbox_f32_4x8";

/// The sums in the making.
type Tile = [[f32; COLUMNS]; ROWS];

inventory::submit! {
    MmmRoutine {
        make: || {
            let mut kernel = DynKernel::<ROWS, COLUMNS, f32>::new(NAME, run, f32::packing(ROWS), f32::packing(COLUMNS));
            kernel.arch = Some(Arch::Wasm32Simd128);
            kernel.mmm()
        }
    }
}

inventory::submit! {
    MmmTier {
        arch: Some(Arch::Wasm32Simd128),
        precedence: 2, // tract's own has 1
        name: NAME,
        applies: |_| true,
        // Matrix times vector (n = 1) is better off with tract's.
        preferred: |_, sums, query, _| (sums == DatumType::F32 && query.n != Some(1)).then_some(NAME),
    }
}

/// Does the steps on a tile, one after the other, up to `Done`. 0, or 1 for a step that sums in f32 never ask for.
///
/// # Safety
/// Pointers are as tract lays them out: `pa` and `pb` to k times [`ROWS`] and [`COLUMNS`] numbers, those by row and column to as
/// many numbers, `LoadTile`'s second to a tile, a store's to [`ROWS`] times [`COLUMNS`] numbers with the strides that it names.
unsafe fn run(steps: &[FusedKerSpec<f32>]) -> isize {
    let mut tile: Tile = Default::default();
    // SAFETY: this function's own condition.
    unsafe {
        for step in steps {
            match *step {
                FusedKerSpec::Done => break,
                FusedKerSpec::Clear => tile = Default::default(),
                FusedKerSpec::LoadTile(_, by_row) => tile = by_row.cast::<Tile>().read_unaligned(),
                FusedKerSpec::AddMatMul { k, pa, pb, .. } => {
                    add_products(&mut tile, k, pa.cast(), pb.cast())
                }
                FusedKerSpec::AddRowColProducts(a, b) => {
                    add_products(&mut tile, 1, a.cast(), b.cast())
                }
                FusedKerSpec::ScalarMin(a) => each(&mut tile, |v| min(a, v)),
                FusedKerSpec::ScalarMax(a) => each(&mut tile, |v| max(a, v)),
                FusedKerSpec::ScalarAdd(a) => each(&mut tile, |v| a + v),
                FusedKerSpec::ScalarMul(a) => each(&mut tile, |v| a * v),
                FusedKerSpec::ScalarSub(a) => each(&mut tile, |v| a - v),
                FusedKerSpec::ScalarSubF(a) => each(&mut tile, |v| v - a),
                FusedKerSpec::LeakyRelu(a) => each(&mut tile, |v| if v > 0.0 { v } else { a * v }),
                FusedKerSpec::PerRowMin(a) => by_row(&mut tile, a, min),
                FusedKerSpec::PerRowMax(a) => by_row(&mut tile, a, max),
                FusedKerSpec::PerRowAdd(a) => by_row(&mut tile, a, |a, v| a + v),
                FusedKerSpec::PerRowMul(a) => by_row(&mut tile, a, |a, v| a * v),
                FusedKerSpec::PerRowSub(a) => by_row(&mut tile, a, |a, v| a - v),
                FusedKerSpec::PerRowSubF(a) => by_row(&mut tile, a, |a, v| v - a),
                FusedKerSpec::PerColMin(a) => by_column(&mut tile, a, min),
                FusedKerSpec::PerColMax(a) => by_column(&mut tile, a, max),
                FusedKerSpec::PerColAdd(a) => by_column(&mut tile, a, |a, v| a + v),
                FusedKerSpec::PerColMul(a) => by_column(&mut tile, a, |a, v| a * v),
                FusedKerSpec::PerColSub(a) => by_column(&mut tile, a, |a, v| a - v),
                FusedKerSpec::PerColSubF(a) => by_column(&mut tile, a, |a, v| v - a),
                FusedKerSpec::AddUnicast(from) => add(&mut tile, &from),
                FusedKerSpec::Store(to) => store(&tile, &to),
                FusedKerSpec::QScale(..)
                | FusedKerSpec::RoundingShiftRight(..)
                | FusedKerSpec::ShiftLeft(..) => {
                    return 1;
                }
            }
        }
    }
    0
}

/// Four numbers at once. On WebAssembly by its own instructions: left to itself the compiler fetches every weight with a load
/// of its own, which wasmtime's compiler makes slow code of. Elsewhere, where only tests come by, in plain words.
#[cfg(target_arch = "wasm32")]
mod lanes {
    use std::arch::wasm32::{f32x4_add, f32x4_mul, i32x4_shuffle, v128, v128_load, v128_store};

    pub type Lanes = v128;

    pub unsafe fn load(from: *const f32) -> Lanes {
        // SAFETY: the caller's.
        unsafe { v128_load(from.cast()) }
    }

    pub unsafe fn store(to: *mut f32, lanes: Lanes) {
        // SAFETY: the caller's.
        unsafe { v128_store(to.cast(), lanes) }
    }

    pub fn all<const LANE: usize>(lanes: Lanes) -> Lanes {
        i32x4_shuffle::<LANE, LANE, LANE, LANE>(lanes, lanes)
    }

    pub fn add_product(sum: Lanes, a: Lanes, b: Lanes) -> Lanes {
        f32x4_add(sum, f32x4_mul(a, b))
    }
}
#[cfg(not(target_arch = "wasm32"))]
mod lanes {
    pub type Lanes = [f32; 4];

    pub unsafe fn load(from: *const f32) -> Lanes {
        // SAFETY: the caller's.
        unsafe { from.cast::<Lanes>().read_unaligned() }
    }

    pub unsafe fn store(to: *mut f32, lanes: Lanes) {
        // SAFETY: the caller's.
        unsafe { to.cast::<Lanes>().write_unaligned(lanes) }
    }

    pub fn all<const LANE: usize>(lanes: Lanes) -> Lanes {
        [lanes[LANE]; 4]
    }

    pub fn add_product(sum: Lanes, a: Lanes, b: Lanes) -> Lanes {
        std::array::from_fn(|i| sum[i] + a[i] * b[i])
    }
}

/// tile[r][c] += sum over k of a[k][r] * b[k][c].
unsafe fn add_products(tile: &mut Tile, k: usize, mut a: *const f32, mut b: *const f32) {
    use lanes::{add_product, all, load, store};
    // SAFETY: `run`'s condition; no pointer leaves what it points into.
    unsafe {
        let end = a.add(k * ROWS);
        let mut sums = tile.map(|row| [load(row.as_ptr()), load(row.as_ptr().add(4))]);
        let mut step = || {
            if a == end {
                return false;
            }
            let (weights, left, right) = (load(a), load(b), load(b.add(4)));
            let each = [
                all::<0>(weights),
                all::<1>(weights),
                all::<2>(weights),
                all::<3>(weights),
            ];
            for (sum, weight) in sums.iter_mut().zip(each) {
                *sum = [
                    add_product(sum[0], weight, left),
                    add_product(sum[1], weight, right),
                ];
            }
            a = a.add(ROWS);
            b = b.add(COLUMNS);
            true
        };
        // Eight steps a turn: wasmtime looks at the time limit in each turn. And an end that may come after every one of
        // them: without, the compiler works off one sum after the other, all eight steps of it, with too few registers again.
        while step() && step() && step() && step() && step() && step() && step() && step() {}
        for (row, [left, right]) in tile.iter_mut().zip(sums) {
            store(row.as_mut_ptr(), left);
            store(row.as_mut_ptr().add(4), right);
        }
    }
}

fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

fn each(tile: &mut Tile, f: impl Fn(f32) -> f32) {
    for v in tile.as_flattened_mut() {
        *v = f(*v);
    }
}

unsafe fn by_row(tile: &mut Tile, a: *const f32, f: impl Fn(f32, f32) -> f32) {
    // SAFETY: `run`'s condition.
    let a = unsafe { a.cast::<[f32; ROWS]>().read_unaligned() };
    for (row, a) in tile.iter_mut().zip(a) {
        for v in row {
            *v = f(a, *v);
        }
    }
}

unsafe fn by_column(tile: &mut Tile, a: *const f32, f: impl Fn(f32, f32) -> f32) {
    // SAFETY: `run`'s condition.
    let a = unsafe { a.cast::<[f32; COLUMNS]>().read_unaligned() };
    for row in tile {
        for (v, a) in row.iter_mut().zip(a) {
            *v = f(a, *v);
        }
    }
}

/// Where a number of a tile lies in a tensor.
unsafe fn place(tensor: &OutputStoreKer, row: usize, column: usize) -> *mut f32 {
    let offset = tensor.row_byte_stride * row as isize + tensor.col_byte_stride * column as isize;
    // SAFETY: `run`'s condition.
    unsafe { tensor.ptr.offset(offset).cast() }
}

unsafe fn add(tile: &mut Tile, from: &OutputStoreKer) {
    for (r, row) in tile.iter_mut().enumerate() {
        for (c, v) in row.iter_mut().enumerate() {
            // SAFETY: `run`'s condition.
            *v += unsafe { place(from, r, c).read_unaligned() };
        }
    }
}

unsafe fn store(tile: &Tile, to: &OutputStoreKer) {
    let side_by_side = to.col_byte_stride == size_of::<f32>() as isize;
    for (r, row) in tile.iter().enumerate() {
        // SAFETY: `run`'s condition.
        unsafe {
            if side_by_side {
                place(to, r, 0)
                    .cast::<[f32; COLUMNS]>()
                    .write_unaligned(*row);
            } else {
                for (c, v) in row.iter().enumerate() {
                    place(to, r, c).write_unaligned(*v);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::tract_core::tract_linalg::MmmDispatch;
    use tract_onnx::tract_core::tract_linalg::isa::IsaSet;

    const ROW: [f32; ROWS] = [0.5, -1.0, 2.0, 3.5];
    const COLUMN: [f32; COLUMNS] = [1.0, -2.0, 0.25, 4.0, -0.5, 6.0, 0.0, 8.0];

    fn tensor(data: &mut [f32], row: usize, column: usize) -> OutputStoreKer {
        OutputStoreKer {
            ptr: data.as_mut_ptr().cast(),
            row_byte_stride: (row * size_of::<f32>()) as isize,
            col_byte_stride: (column * size_of::<f32>()) as isize,
            item_size: size_of::<f32>(),
        }
    }

    /// The tile that steps leave, stored row by row.
    fn tile_of(steps: &[FusedKerSpec<f32>]) -> [f32; ROWS * COLUMNS] {
        let mut out = [f32::NAN; ROWS * COLUMNS];
        let mut all = steps.to_vec();
        all.extend([
            FusedKerSpec::Store(tensor(&mut out, COLUMNS, 1)),
            FusedKerSpec::Done,
        ]);
        // SAFETY: every pointer below is to an array as long as the step asks for.
        assert_eq!(unsafe { run(&all) }, 0);
        out
    }

    fn table(f: impl Fn(usize, usize) -> f32) -> [f32; ROWS * COLUMNS] {
        std::array::from_fn(|i| f(i / COLUMNS, i % COLUMNS))
    }

    /// A tile that tells its places apart.
    fn start() -> [f32; ROWS * COLUMNS] {
        table(|r, c| r as f32 - 0.75 * c as f32)
    }

    #[test]
    fn sums_products_bias_and_relu() {
        let k = 5;
        let a: Vec<f32> = (0..k * ROWS).map(|i| (i as f32 * 0.7).sin()).collect();
        let b: Vec<f32> = (0..k * COLUMNS).map(|i| (i as f32 * 0.3).cos()).collect();
        let out = tile_of(&[
            FusedKerSpec::Clear,
            FusedKerSpec::AddMatMul {
                k,
                pa: a.as_ptr().cast(),
                pb: b.as_ptr().cast(),
                packing: 0,
            },
            FusedKerSpec::PerRowAdd(ROW.as_ptr()),
            FusedKerSpec::ScalarMax(0.0),
        ]);
        let expected = table(|r, c| {
            let sum: f32 = (0..k).map(|i| a[i * ROWS + r] * b[i * COLUMNS + c]).sum();
            (sum + ROW[r]).max(0.0)
        });
        assert!(expected.contains(&0.0) && expected.iter().any(|v| *v > 1.0));
        for (out, expected) in out.iter().zip(expected) {
            assert!((out - expected).abs() < 1e-6, "{out} {expected}");
        }
    }

    #[test]
    fn each_step_does_what_its_name_says() {
        use FusedKerSpec as Step;
        let (row, column) = (ROW.as_ptr(), COLUMN.as_ptr());
        let mut other = [0.0; ROWS * COLUMNS];
        for (i, v) in other.iter_mut().enumerate() {
            *v = i as f32;
        }
        type Expected = fn(f32, usize, usize) -> f32;
        let steps: [(Step<f32>, Expected); 22] = [
            (Step::ScalarMin(-0.5), |v, _, _| v.min(-0.5)),
            (Step::ScalarMax(-0.5), |v, _, _| v.max(-0.5)),
            (Step::ScalarAdd(1.5), |v, _, _| v + 1.5),
            (Step::ScalarMul(1.5), |v, _, _| v * 1.5),
            (Step::ScalarSub(1.5), |v, _, _| 1.5 - v),
            (Step::ScalarSubF(1.5), |v, _, _| v - 1.5),
            (Step::LeakyRelu(0.25), |v, _, _| v.max(0.25 * v)),
            (Step::PerRowMin(row), |v, r, _| v.min(ROW[r])),
            (Step::PerRowMax(row), |v, r, _| v.max(ROW[r])),
            (Step::PerRowAdd(row), |v, r, _| v + ROW[r]),
            (Step::PerRowMul(row), |v, r, _| v * ROW[r]),
            (Step::PerRowSub(row), |v, r, _| ROW[r] - v),
            (Step::PerRowSubF(row), |v, r, _| v - ROW[r]),
            (Step::PerColMin(column), |v, _, c| v.min(COLUMN[c])),
            (Step::PerColMax(column), |v, _, c| v.max(COLUMN[c])),
            (Step::PerColAdd(column), |v, _, c| v + COLUMN[c]),
            (Step::PerColMul(column), |v, _, c| v * COLUMN[c]),
            (Step::PerColSub(column), |v, _, c| COLUMN[c] - v),
            (Step::PerColSubF(column), |v, _, c| v - COLUMN[c]),
            (Step::AddRowColProducts(row, column), |v, r, c| {
                v + ROW[r] * COLUMN[c]
            }),
            // As if the other tensor lay column by column.
            (Step::AddUnicast(tensor(&mut other, 1, ROWS)), |v, r, c| {
                v + (c * ROWS + r) as f32
            }),
            (Step::Clear, |_, _, _| 0.0),
        ];
        let start = start();
        for (step, expected) in steps {
            let out = tile_of(&[Step::LoadTile(std::ptr::null(), start.as_ptr()), step]);
            assert_eq!(
                out,
                table(|r, c| expected(start[r * COLUMNS + c], r, c)),
                "{step:?}"
            );
        }
    }

    #[test]
    fn stores_with_any_strides() {
        let start = start();
        let mut out = [f32::NAN; ROWS * COLUMNS];
        let steps = [
            FusedKerSpec::LoadTile(std::ptr::null(), start.as_ptr()),
            FusedKerSpec::Store(tensor(&mut out, 1, ROWS)),
        ];
        // SAFETY: as above.
        assert_eq!(unsafe { run(&steps) }, 0);
        assert_eq!(start, table(|r, c| out[c * ROWS + r]));
    }

    #[test]
    fn what_it_cannot_do_is_an_error() {
        // SAFETY: no pointers.
        assert_eq!(unsafe { run(&[FusedKerSpec::ShiftLeft(1)]) }, 1);
    }

    #[test]
    fn tract_takes_it_for_webassembly_and_nowhere_else() {
        let wasm = MmmDispatch::for_isa(IsaSet::of_arch(Arch::Wasm32Simd128));
        let chosen = |n| wasm.preferred_kernel(DatumType::F32, Some(16), Some(72), Some(n));
        assert_eq!(
            chosen(64).map(|kernel| kernel.name().to_owned()).as_deref(),
            Some(NAME)
        );
        assert!(chosen(1).is_none_or(|kernel| kernel.name() != NAME));
        assert!(
            MmmDispatch::native()
                .runnable()
                .iter()
                .all(|kernel| kernel.name() != NAME)
        );
    }
}
