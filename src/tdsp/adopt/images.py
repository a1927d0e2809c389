"""Images: figures for people, data in a series, parts of programs.

A plot, a diagram and a screenshot are one kind, `figure`: all three are there to be looked at, and
only by looking can they be told apart. What draws or shows a figure decides about its place.
"""

import posixpath
import re
from collections import Counter
from functools import cached_property

from tdsp.adopt import names
from tdsp.adopt.data import MANY_NUMBERED, Data
from tdsp.adopt.facts import Fact, data_like
from tdsp.adopt.judged import Judged, stays
from tdsp.adopt.known import AUDIO, PHOTO, plotted

MANY_IMAGES = 30
MANY_CLASSES = 5
FEW_SHOWN = 2  # images that a page shows as examples of many
# Calls that draw an image into a file.
DRAWS = re.compile(r"(^|\.)(savefig|save_fig|imsave|imwrite|write_image|to_file)$")
TEXTS = (".md", ".rst", ".txt", ".html", ".ipynb", ".tex")  # that show images


class Images(Data):
    """Judges images; what is known of the whole repository is in its parent."""

    def _image(self, path: str, fact: Fact) -> Judged | None:
        if data_like(fact, self.repo) not in {"image", "media"}:
            return None
        parts, folder = names.parts_of(path), posixpath.dirname(path)
        if names.BUNDLED.search(path):
            return stays("web", "an application finds it by its place")
        if parts and (parts[0] in names.DOCUMENTS or parts[0] == "reports"):
            return stays("figure", "it is among documents")
        written = fact.writers or folder in self.facts.folders_written
        shown = any(user.lower().endswith(TEXTS) for user in fact.namers)
        many = self.images.get(folder, 0) >= MANY_IMAGES
        if many and written and shown:
            why = ("it is an image", "code writes it, and a page shows it")
            return Judged("figure", "reports/figures", 0.6, why)
        if many and written and not self._told_apart(folder):
            why = ("one of many images of a series", "code writes it")
            return Judged("derived data", "data/processed", 0.93, why)
        if written:
            return Judged("figure", "reports/figures", 0.95, ("it is an image", "code writes it"))
        if many and self._drawn_by(sorted(self.facts.folders_read.get(folder, ()))):
            why = ("it is an image", "code that draws images names its folder")
            return Judged("figure", "reports/figures", 0.6, why)
        in_pages = self._in_pages[folder] > FEW_SHOWN
        if many and not in_pages and self._folder_read(path):
            return Judged(
                "raw data", "data/raw", 0.93, ("one of many images", self._folder_read(path))
            )
        if fact.namers and names.DRAWN.search(names.stem(path)[0]):
            return self._shown(path, fact)
        if parts and any(part in names.FIGURES for part in parts):
            return Judged(
                "figure", "reports/figures", 0.93, ("it is an image", "its folder is for figures")
            )
        if any(part in names.RESULT_FOLDERS for part in parts):
            if self._set_in(folder):
                why = ("it is an image", "LaTeX finds it beside its document")
                return Judged("figure", "reports", 0.9, why)
            return Judged(
                "figure", "reports/figures", 0.9, ("it is an image", "its folder is for results")
            )
        return self._shown(path, fact)

    @cached_property
    def _in_pages(self) -> Counter[str]:
        """How many images of each folder pages show: then its others are figures as well."""
        return Counter(
            posixpath.dirname(fact.path) for fact in self.facts.of("image")
            if any(user.lower().endswith(TEXTS) for user in fact.namers)
        )  # fmt: skip

    def _shown(self, path: str, fact: Fact) -> Judged:
        """Judge an image by who names it: documents, or code."""
        folder, users = posixpath.dirname(path), sorted(fact.namers)
        beside = bool(folder) and self._beside_code(folder)
        if not beside and (page := self._page(folder, users)):
            top = f"{posixpath.dirname(page)}/".removeprefix("/")
            site = any(f"{each}/".startswith(top) for each in self.styled)
            kind = "web" if site else "figure"
            return stays(kind, f"pages that stay show it, such as {page}")
        texts = all(user.lower().endswith(TEXTS) for user in users)
        books = all(user.endswith(".ipynb") for user in users)  # they go to another folder
        if (
            users
            and beside
            and not books
            and all(user.split("/")[0] == path.split("/")[0] for user in users)
        ):
            why = ("it is an image", f"{users[0]} beside it names it")
            if self._drawn_by(users):
                return Judged("figure", "reports/figures", 0.6, why)
            kind = "figure" if texts else self._purpose(path, users, fact)
            return Judged(kind, "with code", 0.92, why)
        if users and (texts or books) and fact.content == "media":
            return stays(self._kind_of(path), "a film or a sound", f"{users[0]} names it")
        if users and texts and set(names.parts_of(path)) & names.FIGURES:
            return stays("figure", f"{users[0]} shows it")
        if users and books and names.parts_of(path)[:1] == ["notebooks"]:
            return stays("figure", f"{users[0]} shows it, and it is among notebooks")
        if users and texts:
            return Judged("figure", "docs", 0.92, ("it is an image", f"{users[0]} shows it"))
        if users and books:
            return Judged("figure", "docs", 0.92, ("it is an image", f"{users[0]} shows it"))
        if users and not beside:
            why = ("it is an image", "code names it")
            kind = self._purpose(path, users, fact)
            return stays(kind, *why)
        if beside:
            kind = self._kind_of(path)
            plot = names.PLOT.search(names.stem(path)[0])
            if kind == "figure" and not plot and self._on_screen(folder):
                kind = "web"
            return stays(kind, "an image beside code that nothing names")
        if not users and names.PLOT.search(names.stem(path)[0]):
            return stays("figure", "its name is a figure's, and nothing names it")
        if not users and set(names.parts_of(path)) & names.IMAGES and self._told_apart(folder):
            why = ("it is an image", "its folder is for images, and no code uses it")
            return Judged("figure", "docs", 0.9, why)
        return stays(self._kind_of(path), "an image that nothing names")

    def _purpose(self, path: str, users: list[str], fact: Fact) -> str:
        """Return what an image is to the code that names it: shown, tried with, or drawn."""
        code = {
            user for user in users
            if not user.lower().endswith(TEXTS) and not names.LATEX.search(user)
        }  # fmt: skip
        if not code:
            return "figure"
        if path.lower().endswith(AUDIO):
            return "raw data"
        shown = {who for each in self.screens for who in self.facts.files[each].imports}
        if code - self.repo.python.keys() or code & (self.screens | shown):
            return "web"
        if fact.readers:
            return "raw data"
        return "web" if self.screens else "raw data" if path.lower().endswith(PHOTO) else "figure"

    def _drawn_by(self, users: list[str]) -> bool:
        """Tell whether code that names an image draws images into files."""
        modules = [self.repo.python[each] for each in users if each in self.repo.python]
        return any(DRAWS.search(call.name) for module in modules for call in module.calls)

    def _on_screen(self, folder: str) -> bool:
        """Tell whether code of a folder's root folder shows something on a screen."""
        top = folder.split("/")[0]
        return any(who.split("/")[0] == top for who in self.screens)

    def _kind_of(self, path: str) -> str:
        """Return what an image that nothing names is: by its name, or the files around it."""
        folder = posixpath.dirname(path)
        if path.lower().endswith(AUDIO):
            return "raw data"
        drawn = set(names.parts_of(path)) & names.DRAWERS
        if drawn or names.PLOT.search(names.stem(path)[0]) or plotted(self.repo.files[path]):
            return "figure"
        if self.images.get(folder, 0) >= MANY_NUMBERED and self.series.get(folder) == {""}:
            return "raw data"
        if names.SAMPLES.search(folder) or self._of_class(path):
            return "raw data"
        if self.shows and set(names.parts_of(path)) & names.RESOURCES:
            return "web"
        while folder:
            if folder in self.styled:
                return "web"
            folder = posixpath.dirname(folder)
        return "figure"

    def _of_class(self, path: str) -> bool:
        """Tell whether an image lies in one of many folders of images, as a class of them does."""
        parts = set(names.parts_of(path))
        drawn = parts & (names.FIGURES | names.RESULT_FOLDERS | names.IMAGES | names.DOCUMENTS)
        above = posixpath.dirname(posixpath.dirname(path))
        return not drawn and self.classes[above] >= MANY_CLASSES and len(self.forms[above]) == 1

    def _page(self, folder: str, users: list[str]) -> str:
        """Return a page that shows an image: one that names it, or one in a folder above it."""
        named = next((user for user in users if self.facts.files[user].content == "web"), "")
        while not named and folder:
            named = self.pages.get(folder, "")
            folder = posixpath.dirname(folder)
        return named

    def _set_in(self, folder: str) -> bool:
        """Tell whether a document in LaTeX is in a folder or in one above it."""
        while folder:
            if folder in self.set_in:
                return True
            folder = posixpath.dirname(folder)
        return False

    def _told_apart(self, folder: str) -> bool:
        """Tell whether the images of a folder have names of their own, not numbers of a series."""
        return len(self.series.get(folder, ())) > 0.7 * self.images.get(folder, 0)
