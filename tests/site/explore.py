"""Use a dashboard in Chromium as a person does. Runs in an environment of its own, see browser.py.

`explore.py '{"chromium": ..., "page": ..., "hostile": ..., "catalog": ...}'` prints what was seen
as JSON: times in milliseconds, texts, counts. Nothing is served, and there is no net.
"""

import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from visit import FLAGS

# The time from an input to the end of the layout after it, on the page's own clock.
TIMED = """([name, value]) => {
  const field = document.querySelector('#explorer form').elements[name];
  field.value = value;
  const start = performance.now();
  field.dispatchEvent(new Event('input', {bubbles: true}));
  document.body.offsetHeight;
  return performance.now() - start;
}"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
INJECTED = """() => {
  const script = document.createElement('script');
  script.textContent = 'window.injected = true';
  document.body.append(script);
  return window.injected === true;
}"""
FOCUS = "() => document.activeElement.outerHTML.slice(0, 200)"


def opened(browser: Browser, path: str, heard: list[str], **options: Any) -> Page:
    """Open a page, and note all that it complains of, asks of the net, or pops up."""
    page = browser.new_context(viewport={"width": 1400, "height": 1000}, **options).new_page()
    page.on("console", lambda m: heard.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda r: heard.append(r.url) if not r.url.startswith("file:") else None)

    def dismiss(dialog: Any) -> None:
        heard.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.goto(Path(path).as_uri(), wait_until="load")
    return page


def status(page: Page) -> str:
    return page.locator("#explorer output").inner_text()


def speed(page: Page) -> dict[str, Any]:
    """Return the time of the first paint, and that of each kind of filter."""
    steps = [
        ("words", "c"), ("words", "churn pric"), ("words", ""), ("team", "claims"), ("team", "*"),
        ("check", "EV05"), ("check", "*"), ("kind", "none"), ("kind", "*"), ("words", "v1.4.0"),
        ("words", ""),
    ]  # fmt: skip
    times = {f"{name}={value}": page.evaluate(TIMED, [name, value]) for name, value in steps}
    return {"paint": page.evaluate(PAINT), "filters": times}


def conflict(page: Page) -> dict[str, Any]:
    """Return what is said of a repository whose update is in conflict."""
    page.evaluate(TIMED, ["update", "conflict"])
    row = page.locator("table.rows tbody tr").first
    seen: dict[str, Any] = {"found": status(page)}
    seen["cell"] = row.locator("td").last.inner_text()
    row.locator("button").click()
    seen["detail"] = page.locator("#detail").inner_text()
    seen["sides"] = page.locator("#detail details pre").all_text_contents()
    return seen


def table(page: Page) -> dict[str, Any]:
    """Return what the table shows after filters, sorting and grouping."""
    rows = page.locator("table.rows tbody tr")
    seen: dict[str, Any] = {"all": status(page), "rows": rows.count()}
    seen["names"] = page.locator("table.rows tbody .name").all_inner_texts()
    for name, value in (("team", "claims"), ("check", "EV05"), ("words", "nothing has this")):
        page.evaluate(TIMED, [name, value])
        seen[name] = status(page)
    page.locator("#explorer button[type=reset]").click()
    page.wait_for_timeout(50)
    seen["reset"] = status(page)
    page.locator("thead button", has_text="Repository").click()
    seen["sorted"] = page.locator("th[aria-sort]").get_attribute("aria-sort")
    seen["first"] = rows.first.locator("button").inner_text()
    page.locator("thead button", has_text="Repository").click()
    seen["last"] = rows.first.locator("button").inner_text()
    page.evaluate(TIMED, ["group", "team"])
    seen["groups"] = rows.count()
    page.locator("tr.group button").first.click()
    seen["opened"] = rows.count()
    page.evaluate(TIMED, ["group", "organization"])
    seen["organizations"] = page.locator("tr.group").all_inner_texts()
    page.evaluate(TIMED, ["group", "none"])
    page.locator(".pager button", has_text="Next").click()
    seen["page"] = page.locator(".pager span").inner_text()
    page.locator("[data-filter=team]").first.click()
    page.wait_for_timeout(50)
    seen["link"] = status(page)
    return seen


def keyboard(page: Page) -> dict[str, str]:
    """Reach a finding with keys only; return where the focus is on the way."""
    page.reload()
    page.keyboard.press("Tab")
    seen = {"skip": page.evaluate(FOCUS)}
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    seen["search"] = page.evaluate(FOCUS)
    page.keyboard.type("ev05")
    seen["found"] = status(page)
    for _ in range(40):
        page.keyboard.press("Tab")
        if 'aria-haspopup="dialog"' in page.evaluate(FOCUS):
            break
    seen["row"] = page.evaluate(FOCUS)
    page.keyboard.press("Enter")
    seen["detail"] = page.locator("#detail").inner_text()
    seen["href"] = page.locator("#detail code a").first.get_attribute("href") or ""
    page.keyboard.press("Escape")
    seen["back"] = page.evaluate(FOCUS)
    return seen


def attacked(page: Page) -> dict[str, Any]:
    """Open every part of a hostile page; return what should not be there."""
    for name in page.locator(".views input").all():
        name.check(force=True)
    for number in range(page.locator("table.rows .link").count()):
        page.locator("table.rows .link").nth(number).click()
        page.keyboard.press("Escape")
    links = "() => [...document.querySelectorAll('a')].map(each => each.href)"
    return {
        "images": page.locator("img").count(),
        "links": [each for each in page.evaluate(links) if not each.startswith(("http", "file"))],
        "injected": page.evaluate(INJECTED),
    }


def main(order: dict[str, str]) -> dict[str, Any]:
    """Use all pages, in one browser."""
    seen: dict[str, Any] = {}
    heard: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=order["chromium"], args=FLAGS)
        page = opened(browser, order["page"], heard)
        seen |= {"speed": speed(page), "table": table(page), "keyboard": keyboard(page)}
        seen["conflict"] = conflict(opened(browser, order["page"], heard))
        page = opened(browser, order["catalog"], heard)
        page.evaluate(TIMED, ["words", "yield predicts"])
        places = page.locator(".entries li details summary").last.inner_text()
        seen["catalog"] = [status(page), page.locator(".entries li").count(), places]
        quiet = opened(browser, order["page"], heard, java_script_enabled=False)
        seen["without"] = quiet.locator("main").inner_text()
        seen["heard"] = list(heard)
        seen["attacked"] = attacked(opened(browser, order["hostile"], heard))
        seen["attacks"] = heard[len(seen["heard"]) :]
        browser.close()
    return seen


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
