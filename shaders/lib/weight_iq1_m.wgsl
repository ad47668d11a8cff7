// IQ1_M: lies as IQ1_S does.
// #include "lib/weight_iq1_s.wgsl"
