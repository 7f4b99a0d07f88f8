//! Third stage: the networks. tract runs them; the rest of the crate sees only grids of numbers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

use crate::error::Error;

/// A grid of numbers: `data[(channel * height + y) * width + x]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Number of channels.
    pub channels: usize,
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
    /// `channels * height * width` numbers.
    pub data: Vec<f32>,
}

impl Grid {
    /// A grid of zeros.
    #[must_use]
    pub fn zeros(channels: usize, height: usize, width: usize) -> Self {
        Self {
            channels,
            height,
            width,
            data: vec![0.0; channels * height * width],
        }
    }
}

/// Either network. A trait, so that the stages around it are tested without trained ones.
pub trait Network {
    /// Runs on a grid of 1 x H x W, ink 1, paper 0. The finder takes any H and W that are multiples of 32 and gives
    /// 24 x H/8 x W/8, the verifier takes one size and gives 6 x 1 x 1; [`crate::boxes`] says what the channels mean.
    ///
    /// # Errors
    /// [`Error::Network`].
    fn run(&self, input: Grid) -> Result<Grid, Error>;
}

type Plan = Arc<TypedRunnableModel>;

/// Plans kept: what is printed on the pages of a batch has a few sizes.
const PLANS_KEPT: usize = 8;

/// Any size of input that leaves no layer a single row or column, which would be simplified away.
const SOME_SIZE: (usize, usize) = (96, 160);

/// A network on tract. Parsed once; a plan is made per input size and kept, since fixed sizes let tract choose
/// its kernels and lay out its memory beforehand.
pub struct TractNetwork {
    /// With weights multiplied out, for an input of some size.
    model: TypedModel,
    /// Last used last.
    plans: Mutex<Vec<((usize, usize), Plan)>>,
}

impl TractNetwork {
    /// Parses an ONNX file.
    ///
    /// # Errors
    /// [`Error::Network`] if tract does not understand it.
    pub fn parse(onnx: &[u8]) -> Result<Self, Error> {
        let model = typed(onnx).map_err(|error| failed(&error))?;
        Ok(Self {
            model,
            plans: Mutex::new(Vec::new()),
        })
    }

    /// Makes the plan for one input size (pixels, multiples of 32) before it is needed.
    ///
    /// # Errors
    /// [`Error::Network`].
    pub fn plan(&self, height: usize, width: usize) -> Result<Plan, Error> {
        // A poisoned lock means a panic in another thread while the list was in order.
        let mut plans = self
            .plans
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(at) = plans.iter().position(|(size, _)| *size == (height, width)) {
            let used = plans.remove(at);
            let plan = used.1.clone();
            plans.push(used);
            return Ok(plan);
        }
        let plan = for_input(&self.model, height, width)
            .and_then(|mut model| {
                model.optimize()?;
                model.into_runnable()
            })
            .map_err(|error| failed(&error))?;
        if plans.len() == PLANS_KEPT {
            plans.remove(0);
        }
        plans.push(((height, width), plan.clone()));
        Ok(plan)
    }
}

impl Network for TractNetwork {
    fn run(&self, input: Grid) -> Result<Grid, Error> {
        let plan = self.plan(input.height, input.width)?;
        let shape = [1, input.channels, input.height, input.width];
        let tensor = tract_ndarray::ArrayD::from_shape_vec(shape.as_slice(), input.data)
            .map_err(|error| Error::Internal {
                reason: error.to_string(),
            })
            .map(Tensor::from)?;
        let outputs = plan
            .run(tvec!(tensor.into_tvalue()))
            .map_err(|error| failed(&error))?;
        let output = outputs[0]
            .to_plain_array_view::<f32>()
            .map_err(|error| failed(&error))?;
        let &[1, channels, height, width] = output.shape() else {
            return Err(Error::Network {
                reason: format!("unexpected output shape {:?}", output.shape()),
            });
        };
        Ok(Grid {
            channels,
            height,
            width,
            data: output.iter().copied().collect(),
        })
    }
}

/// An ONNX file's network, simplified: for the input it asks for, or of [`SOME_SIZE`] where it takes any.
fn typed(onnx: &[u8]) -> TractResult<TypedModel> {
    let model = tract_onnx::onnx().model_for_read(&mut std::io::Cursor::new(onnx))?;
    let asked = model.input_fact(0)?.shape.concretize();
    let side = |axis: usize, any: usize| {
        let side = asked.as_ref().and_then(|shape| shape.get(axis));
        side.and_then(|side| side.to_usize().ok()).unwrap_or(any)
    };
    let input = f32::fact([1, 1, side(2, SOME_SIZE.0), side(3, SOME_SIZE.1)]);
    model
        .with_input_fact(0, input.into())?
        .into_typed()?
        .into_decluttered()
}

/// The same network for an input of 1 x 1 x `height` x `width`. To parse and to simplify it anew takes four times as long.
fn for_input(model: &TypedModel, height: usize, width: usize) -> TractResult<TypedModel> {
    let mut resized = TypedModel {
        symbols: model.symbols.clone(),
        ..TypedModel::default()
    };
    let mut outlets: HashMap<OutletId, OutletId> = HashMap::new();
    for id in model.eval_order()? {
        let node = model.node(id);
        let inputs: TVec<OutletId> = node.inputs.iter().map(|input| outlets[input]).collect();
        let wired = if model.inputs.contains(&OutletId::from(id)) {
            tvec!(resized.add_source(&node.name, f32::fact([1, 1, height, width]))?)
        } else {
            resized.wire_node(&node.name, node.op.clone(), &inputs)?
        };
        let slots = wired.into_iter().enumerate();
        outlets.extend(slots.map(|(slot, outlet)| (OutletId::new(id, slot), outlet)));
    }
    let outputs: TVec<OutletId> = model.outputs.iter().map(|output| outlets[output]).collect();
    resized.select_output_outlets(&outputs)?;
    Ok(resized)
}

fn failed(error: &TractError) -> Error {
    Error::Network {
        reason: format!("{error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::{FINDER, Parameters, VERIFIER};

    #[test]
    fn runs_at_any_multiple_of_32() {
        let network = TractNetwork::parse(FINDER).expect("parses");
        for (height, width) in [(32, 32), (64, 96), (320, 256)] {
            let out = network.run(Grid::zeros(1, height, width)).expect("runs");
            assert_eq!(
                (out.channels, out.height, out.width),
                (24, height / 8, width / 8)
            );
            assert!(out.data.iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn a_plan_answers_as_one_made_from_the_file_for_that_size() {
        let network = TractNetwork::parse(FINDER).expect("parses");
        for (height, width) in [(32, 32), (64, 224), (160, 96)] {
            let mut input = Grid::zeros(1, height, width);
            for (at, v) in input.data.iter_mut().enumerate() {
                *v = (at * 7919 % 1001) as f32 / 1001.0;
            }
            let shape = [1, 1, height, width];
            let model = tract_onnx::onnx()
                .model_for_read(&mut std::io::Cursor::new(FINDER))
                .and_then(|model| model.with_input_fact(0, f32::fact(shape).into()))
                .and_then(|model| model.into_optimized())
                .and_then(|model| model.into_runnable())
                .expect("plans");
            let tensor = Tensor::from_shape(&shape, &input.data).expect("a tensor");
            let expected = model.run(tvec!(tensor.into_tvalue())).expect("runs");
            let expected = expected[0].to_plain_array_view::<f32>().expect("an array");
            let answer = network.run(input).expect("runs");
            let apart = answer.data.iter().zip(expected.iter());
            let apart = apart.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-5, "{height} x {width}: {apart}");
            assert_eq!(answer.data.len(), expected.len());
        }
    }

    #[test]
    fn the_verifier_answers_with_six_numbers() {
        let network = TractNetwork::parse(VERIFIER).expect("parses");
        let size = Parameters::built_in().expect("readable").verifier.size as usize;
        let out = network.run(Grid::zeros(1, 2 * size, size)).expect("runs");
        assert_eq!((out.channels, out.height, out.width), (6, 1, 1));
        assert!(out.data.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn plans_are_reused_and_few() {
        let network = TractNetwork::parse(FINDER).expect("parses");
        let first = network.plan(64, 64).expect("plans");
        assert!(Arc::ptr_eq(&first, &network.plan(64, 64).expect("plans")));
        for height in 0..PLANS_KEPT {
            network.plan(32 * (height + 1), 96).expect("plans");
        }
        assert_eq!(network.plans.lock().expect("unpoisoned").len(), PLANS_KEPT);
        let kept = network.plan(64, 96).expect("plans");
        for height in 1..PLANS_KEPT {
            network.plan(32 * height, 128).expect("plans");
        }
        assert!(
            Arc::ptr_eq(&kept, &network.plan(64, 96).expect("plans")),
            "the one used longest ago goes first"
        );
    }

    #[test]
    fn broken_weights_are_an_error() {
        assert_eq!(
            TractNetwork::parse(&FINDER[..FINDER.len() / 2])
                .and_then(|network| network.run(Grid::zeros(1, 32, 32)))
                .unwrap_err()
                .code(),
            "network"
        );
    }
}
