// The flow of t/bench/browse with Playwright: browse-theirs.mjs CHROMIUM ADDRESS CENTRE DAY TIME [pilot]
//
// Written as its manual advises: locators, whose actions wait by themselves, no sleeps, one context. Says "ready" when the browser
// is there, goes on at a line, says "code" and reads the mailed one, says "done REFERENCE", and ends at another line.
//
// With "pilot" a script inside the page does it, at the very moment that each thing is there: what that takes is the site's.
import readline from "node:readline";
import {chromium} from "playwright-core";

const [executablePath, address, centre, day, time, who] = process.argv.slice(2);
const lines = readline.createInterface({input: process.stdin})[Symbol.asyncIterator]();
const line = async () => (await lines.next()).value;
const say = text => process.stdout.write(text + "\n");
const asked = () => { say("code"); return line(); };

const browser = await chromium.launch({executablePath, args: process.getuid() === 0 ? ["--no-sandbox"] : []});
const page = await (await browser.newContext()).newPage();
const button = name => page.getByRole("button", {name, exact: true});
const choose = async (list, name) => {
	await page.locator(list).click();
	await page.getByRole("option", {name}).click();
};

async function flow() {
	await page.goto(address);
	await page.locator("#onetrust-accept-btn-handler").click();
	await page.locator("#Email").fill("alice@example.org");
	await page.locator("#Password").fill("practice");
	await button("Sign In").click();
	await page.locator("#otp").waitFor();
	await page.locator("#otp").fill(await asked());
	await button("Verify").click();
	await page.locator("#start-new-booking").click();
	await choose("[formcontrolname=centerCode]", centre);
	await choose("[formcontrolname=selectedSubvisaCategory]", "Short Stay Visa");
	await choose("[formcontrolname=visaCategoryCode]", "Tourism");
	await page.locator("#continue").click();
	for (const [name, value] of Object.entries({contactNumber: "3120000000", dateOfBirth: "01/02/1990", dialCode: "90", emailId: "alice@example.org",
		firstName: "ALICE", lastName: "EXAMPLE", passportExpirtyDate: "31/05/2032", passportNumber: "P0000001"}))
		await page.locator(`#${name}-1`).fill(value);
	await choose("#gender-1", "Female");
	await choose("#nationalityCode-1", "TURKEY");
	await page.locator("#save").click();
	await page.locator("main#details-saved #continue").click();
	await page.locator(`#calendar a.free[aria-label="${day}"]`).click();
	await page.locator(`#times .slot[data-time="${time}"] button`).click();
	await page.locator("main#book-appointment #continue").click();
	await page.locator("main#services #continue").click();
	await page.locator("#consent-terms").check();
	await page.locator("#consent-privacy").check();
	await page.locator("#confirm").click();
	return page.locator("#reference-number").innerText();
}

async function pilot() {
	await page.exposeFunction("mailed", asked);
	await page.goto(address, {waitUntil: "commit"});
	return page.evaluate(async ([centre, day, time]) => {
		const one = (css, text) => [...document.querySelectorAll(css)].find(e => !e.matches(":disabled, [aria-disabled=true]") &&
			e.checkVisibility() && (!text || e.textContent.includes(text)));
		const there = (css, text) => new Promise(done => {
			const look = () => {
				const e = document.querySelector(".loading") ? null : one(css, text);
				if (e)
					watch.disconnect(), done(e);
				return e;
			};
			const watch = new MutationObserver(look);
			watch.observe(document, {subtree: true, childList: true, attributes: true});
			look();
		});
		const click = async (css, text) => (await there(css, text)).click();
		const fill = async (css, value) => {
			const e = await there(css);
			e.value = value;
			e.dispatchEvent(new Event("input", {bubbles: true}));
		};
		const choose = async (css, text) => { await click(css); await click("[role=option]", text); };

		await click("#onetrust-accept-btn-handler");
		await fill("#Email", "alice@example.org");
		await fill("#Password", "practice");
		await click("#login-form button");
		await there("#otp");
		await fill("#otp", await mailed());
		await click("#otp-form button");
		await click("#start-new-booking");
		await choose("[formcontrolname=centerCode]", centre);
		await choose("[formcontrolname=selectedSubvisaCategory]", "Short Stay Visa");
		await choose("[formcontrolname=visaCategoryCode]", "Tourism");
		await click("#continue");
		for (const [name, value] of Object.entries({contactNumber: "3120000000", dateOfBirth: "01/02/1990", dialCode: "90",
			emailId: "alice@example.org", firstName: "ALICE", lastName: "EXAMPLE", passportExpirtyDate: "31/05/2032", passportNumber: "P0000001"}))
			await fill(`#${name}-1`, value);
		await choose("#gender-1", "Female");
		await choose("#nationalityCode-1", "TURKEY");
		await click("#save");
		await click("main#details-saved #continue");
		await click(`#calendar a.free[aria-label="${day}"]`);
		await click(`#times .slot[data-time="${time}"] button`);
		await click("main#book-appointment #continue");
		await click("main#services #continue");
		await click("#consent-terms");
		await click("#consent-privacy");
		await click("#confirm");
		return (await there("#reference-number")).textContent;
	}, [centre, day, time]);
}

say("ready");
await line();
say("done " + await (who === "pilot" ? pilot() : flow()));
await line();
await browser.close();
process.exit(0);
