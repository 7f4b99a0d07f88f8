//! Processor levels by name, so that code compiled ahead of time can say what it needs, and be refused in plain
//! words where that is missing.
//!
//! The x86-64 levels are those of the System V ABI for x86-64 (psABI, "micro-architecture levels"). Of what they
//! list, LAHF/SAHF and OSXSAVE have no name in the Rust standard library; every processor with the rest has them.

/// One thing that a processor can or cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Its name in the Rust standard library.
    pub name: &'static str,
    /// The compiler setting that makes use of it; `None` where the compiler has none.
    pub flag: Option<&'static str>,
}

/// A named set of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuLevel {
    /// Its name, as in `module.json`.
    pub name: &'static str,
    /// The architecture, as in [`std::env::consts::ARCH`].
    pub arch: &'static str,
    /// What it has beyond the architecture's baseline.
    pub features: &'static [Feature],
}

const fn used(name: &'static str, flag: &'static str) -> Feature {
    Feature {
        name,
        flag: Some(flag),
    }
}

const fn unused(name: &'static str) -> Feature {
    Feature { name, flag: None }
}

const X86_64_V2: &[Feature] = &[
    used("cmpxchg16b", "has_cmpxchg16b"),
    used("popcnt", "has_popcnt"),
    used("sse3", "has_sse3"),
    used("ssse3", "has_ssse3"),
    used("sse4.1", "has_sse41"),
    used("sse4.2", "has_sse42"),
];

const X86_64_V3: &[Feature] = &[
    used("cmpxchg16b", "has_cmpxchg16b"),
    used("popcnt", "has_popcnt"),
    used("sse3", "has_sse3"),
    used("ssse3", "has_ssse3"),
    used("sse4.1", "has_sse41"),
    used("sse4.2", "has_sse42"),
    used("avx", "has_avx"),
    used("avx2", "has_avx2"),
    used("bmi1", "has_bmi1"),
    used("bmi2", "has_bmi2"),
    used("fma", "has_fma"),
    used("lzcnt", "has_lzcnt"),
    unused("f16c"),
    unused("movbe"),
];

/// Every level that code can be compiled for.
pub const LEVELS: &[CpuLevel] = &[
    CpuLevel {
        name: "x86-64-v2",
        arch: "x86_64",
        features: X86_64_V2,
    },
    // The default on x86-64: every x86 processor that Lambda runs on has it.
    CpuLevel {
        name: "x86-64-v3",
        arch: "x86_64",
        features: X86_64_V3,
    },
    // The baseline already has the 128-bit vectors that the module uses.
    CpuLevel {
        name: "arm64",
        arch: "aarch64",
        features: &[],
    },
];

impl CpuLevel {
    /// The level of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        LEVELS.iter().find(|level| level.name == name)
    }

    /// The level that code is compiled for unless another is asked for: the highest listed for this machine's
    /// architecture, or `None` on an architecture without one.
    #[must_use]
    pub fn default_here() -> Option<&'static Self> {
        LEVELS
            .iter()
            .rev()
            .find(|level| level.arch == std::env::consts::ARCH)
    }

    /// The features of this level that `has` does not know as present.
    pub fn missing(&self, has: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let names = self.features.iter().map(|feature| feature.name);
        names.filter(|name| !has(name)).collect()
    }
}

/// Whether this processor has the feature. Names not asked for by [`LEVELS`] are not known.
#[must_use]
pub fn present(name: &str) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        // The macro takes literals only.
        macro_rules! any_of {
            ($($literal:tt),*) => {
                match name {
                    $($literal => std::is_x86_feature_detected!($literal),)*
                    _ => false,
                }
            };
        }
        any_of!(
            "cmpxchg16b",
            "popcnt",
            "sse3",
            "ssse3",
            "sse4.1",
            "sse4.2",
            "avx",
            "avx2",
            "bmi1",
            "bmi2",
            "fma",
            "lzcnt",
            "f16c",
            "movbe"
        )
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = name;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_found_by_name_and_v3_holds_v2() {
        let v2 = CpuLevel::named("x86-64-v2").expect("v2");
        let v3 = CpuLevel::named("x86-64-v3").expect("v3");
        assert!(
            v2.features
                .iter()
                .all(|feature| v3.features.contains(feature))
        );
        assert_eq!(CpuLevel::named("x86-64-v9"), None);
    }

    #[test]
    fn an_older_processor_is_told_what_it_lacks() {
        let v3 = CpuLevel::named("x86-64-v3").expect("v3");
        let old = |name: &str| !matches!(name, "avx2" | "fma");
        assert_eq!(v3.missing(old), ["avx2", "fma"]);
        assert!(v3.missing(|_| true).is_empty());
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn every_feature_can_be_asked_for() {
        // `present` answers false for a name it does not know, so a processor with all of them shows a gap.
        let avx512 = std::is_x86_feature_detected!("avx512f");
        let v3 = CpuLevel::named("x86-64-v3").expect("v3");
        if avx512 {
            assert!(v3.missing(present).is_empty());
        }
    }
}
