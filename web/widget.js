/**
 * <inferaived-chat>: a chat with a model on this machine, for any page.
 *
 *     <script type="module" src="https://…/widget.js"></script>
 *     <inferaived-chat model="https://…/model.gguf"></inferaived-chat>
 */

export * from "./chat/widget.js";
