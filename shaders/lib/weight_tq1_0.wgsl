// TQ1_0: unpacked at load.
// #include "lib/weight_tq2_0.wgsl"
