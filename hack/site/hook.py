"""Links to a folder lead to its README, as they do where the repository is looked at."""

import os
import posixpath
import re


def on_page_markdown(markdown, page, config, files):
    def lead(link):
        folder = posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), link[1]))
        if os.path.isdir(os.path.join(config.docs_dir, folder)):
            return f"]({link[1].rstrip('/')}/README.md)"
        return link[0]

    return re.sub(r"\]\(([^):#]+)\)", lead, markdown)
