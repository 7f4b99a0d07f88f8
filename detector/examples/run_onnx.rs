//! Runs an ONNX network of the kind in model/ on raw numbers, so that other runtimes can be compared with tract.
//!
//! `run_onnx NETWORK.onnx INPUT HEIGHT WIDTH >OUTPUT`: input 1 x 1 x HEIGHT x WIDTH, output in the network's own shape,
//! both little-endian f32.

use std::io::Write;

use checkbox_detector::network::Grid;
use checkbox_detector::{Network, TractNetwork};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, input, height, width] = arguments.as_slice() else {
        return Err("usage: run_onnx NETWORK.onnx INPUT HEIGHT WIDTH".into());
    };
    let data: Vec<f32> = std::fs::read(input)?
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    let (height, width) = (height.parse()?, width.parse()?);
    if data.len() != height * width {
        return Err(format!("{} numbers are not {height} x {width}", data.len()).into());
    }
    let output = TractNetwork::parse(&std::fs::read(network)?)?.run(Grid {
        channels: 1,
        height,
        width,
        data,
    })?;
    let bytes: Vec<u8> = output.data.iter().flat_map(|v| v.to_le_bytes()).collect();
    std::io::stdout().write_all(&bytes)?;
    Ok(())
}
