"""What is drawn is answered."""


def test_a_drawn_digit_gets_probabilities(watched, board):
    page = watched.open(f"/draw/{board.number_of('digits')}")
    assert "Nothing is drawn yet" in watched.settled()
    sheet = page.locator("canvas.sheet").bounding_box()
    left, top, size = sheet["x"], sheet["y"], sheet["width"]
    with page.expect_response("**/predict") as answer:
        page.mouse.move(left + 0.55 * size, top + 0.15 * size)
        page.mouse.down()
        page.mouse.move(left + 0.45 * size, top + 0.85 * size, steps=6)
        page.mouse.up()
    assert abs(sum(answer.value.json()["probabilities"][0]) - 1) < 1e-5
    page.locator("[data-predicted]").wait_for()
    shown = [float(text.rstrip("%")) for text in page.locator(".bar-value").all_inner_texts()]
    assert len(shown) == 10
    assert abs(sum(shown) - 100) <= 0.5
    assert shown[int(page.locator("[data-predicted]").get_attribute("data-predicted"))] == max(shown)
    assert page.locator(".answering > li").count() >= 8
    page.get_by_role("button", name="Clear").click()
    assert "Nothing is drawn yet" in watched.settled()


def test_one_can_draw_without_a_mouse(watched, board):
    page = watched.open(f"/draw/{board.number_of('digits')}")
    watched.settled()
    page.locator("canvas.sheet").focus()
    for key in ("Space", *["Shift+ArrowDown"] * 5):
        page.keyboard.press(key)
    page.locator("[data-predicted]").wait_for()
