// What changes from step to step; everything else of a program is fixed when it is recorded.
struct State {
    pos: u32,     // position of the first token of this call
    n: u32,       // tokens in this call
    step: u32,    // tokens sampled so far: ring slot and counter of the random numbers
    seed: u32,
}
