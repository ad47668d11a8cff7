"""Formats for files without a usable chat template, chosen by the vocabulary's own marks.

Plain messages only: no tools. The formats are the models' published ones.
"""

from collections.abc import Mapping

CHATML = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}
"""

LLAMA_3 = """\
{{- bos_token -}}
{%- for message in messages -%}
<|start_header_id|>{{ message.role }}<|end_header_id|>

{{ message.content | trim }}<|eot_id|>
{%- endfor -%}
{%- if add_generation_prompt -%}
<|start_header_id|>assistant<|end_header_id|>

{% endif -%}
"""

LLAMA_2 = """\
{%- set system = namespace(text="") -%}
{%- for message in messages -%}
  {%- if message.role in ("system", "developer") -%}
    {%- set system.text = "<<SYS>>\\n" ~ message.content ~ "\\n<</SYS>>\\n\\n" -%}
  {%- elif message.role == "assistant" -%}
    {{- " " ~ message.content ~ " " ~ eos_token -}}
  {%- else -%}
    {{- bos_token ~ "[INST] " ~ system.text ~ message.content ~ " [/INST]" -}}
    {%- set system.text = "" -%}
  {%- endif -%}
{%- endfor -%}
"""

PLAIN = """\
{%- for message in messages -%}
{{ message.role | capitalize }}: {{ message.content }}

{% endfor -%}
{%- if add_generation_prompt -%}
Assistant:
{%- endif -%}
"""


def built_in(model: str, ids: Mapping[bytes, int]) -> tuple[str, str]:
    """Name and source of the format that fits.

    Args:
        model: `tokenizer.ggml.model`.
        ids: the vocabulary: `Vocabulary.ids`.
    """
    if b"<|im_start|>" in ids and b"<|im_end|>" in ids:
        return "ChatML", CHATML
    if b"<|start_header_id|>" in ids and b"<|eot_id|>" in ids:
        return "Llama 3", LLAMA_3
    if model == "llama" and b"<s>" in ids and b"</s>" in ids:
        return "Llama 2", LLAMA_2
    return "plain", PLAIN
