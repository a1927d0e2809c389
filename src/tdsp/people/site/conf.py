"""How Sphinx makes the site of a project, for `tdsp site`; sources.py says from what."""

extensions = ["myst_parser", "tdsp.people.site.extension"]

# The documents are read on the code host too: no syntax that only Sphinx knows, but Mermaid.
myst_fence_as_directive = ["mermaid"]
myst_disable_syntax = ["myst_block_break", "myst_line_comment", "myst_role", "myst_target"]
myst_enable_extensions = ["strikethrough", "tasklist"]
myst_heading_anchors = 6
highlight_language = "text"
suppress_warnings = ["misc.highlighting_failure"]  # a fence in a language that Pygments lacks

html_theme = "furo"
html_css_files = ["site.css"]
html_static_path = ["static"]
html_copy_source = html_show_sourcelink = html_use_index = False
# It would fetch each page, which browsers refuse to a page that is opened as a file.
html_show_search_summary = False
html_show_copyright = False
