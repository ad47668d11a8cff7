/**
 * The public JavaScript API: load a model, talk to it in OpenAI's shapes.
 *
 *     import { load } from "./client.js";
 *     const engine = await load("models/demo.gguf", { onProgress: (done, total) => … });
 *     const answer = await engine.chat.completions.create({ messages, max_tokens: 100 });
 *     const stream = await engine.chat.completions.create({ messages, stream: true });
 *     for await (const chunk of stream) show(chunk.choices[0].delta.content);
 *     engine.close();
 *
 * Files are found next to this one, so that it works below any path.
 */

export * from "./api/client.js";
