// The caller's sampling settings; see py_engine/generate/sampling.py for their meaning.
struct Sampling {
    inverse_temperature: f32,    // 0: greedy
    top_k: u32,                  // 0: all
    top_p: f32,                  // 1: all
    min_p_distance: f32,         // -log(min_p), or a large number
    repetition: f32,
    presence: f32,
    frequency: f32,
    penalties: u32,              // 1: counts are read
}

// counts[v]: how often token v was sampled in this reply, and this bit if it is in the prompt
const IN_PROMPT: u32 = 0x80000000u;
