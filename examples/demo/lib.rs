//! Nothing: the demo is the example target `demo`.
