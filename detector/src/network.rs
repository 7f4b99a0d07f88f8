//! Third stage: the networks. tract runs them; the rest of the crate sees only grids of numbers.

use std::sync::{Arc, Mutex};

use tract_onnx::prelude::*;

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

/// Plans kept: the two or three page shapes that a caller really sends, and a few odd ones.
const PLANS_KEPT: usize = 4;

/// A network on tract. Parsed once; a plan is made per input size and kept, since fixed sizes let tract choose
/// its kernels and lay out its memory beforehand.
pub struct TractNetwork {
    model: InferenceModel,
    /// Last used last.
    plans: Mutex<Vec<((usize, usize), Plan)>>,
}

impl TractNetwork {
    /// Parses an ONNX file.
    ///
    /// # Errors
    /// [`Error::Network`] if tract does not understand it.
    pub fn parse(onnx: &[u8]) -> Result<Self, Error> {
        let model = tract_onnx::onnx()
            .model_for_read(&mut std::io::Cursor::new(onnx))
            .map_err(|error| failed(&error))?;
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
        let plan = self
            .model
            .clone()
            .with_input_fact(0, f32::fact([1, 1, height, width]).into())
            .and_then(|model| model.into_optimized())
            .and_then(|model| model.into_runnable())
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
        for width in [32, 96, 128, 160, 192] {
            network.plan(64, width).expect("plans");
        }
        assert_eq!(network.plans.lock().expect("unpoisoned").len(), PLANS_KEPT);
        let kept = network.plan(64, 96).expect("plans");
        for width in [32, 96, 128] {
            network.plan(128, width).expect("plans");
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
