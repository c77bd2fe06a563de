// What is done inside a page, in an isolated world: the page's own scripts can't see or change it. One function, called with
// an operation, a selector, an argument and the time it may take; the C side is element.c.
async (op, spec, arg, ms) => {
	const end = performance.now() + ms;
	let late = false; // something was done before what failed
	const fold = s => (s || "").replace(/[\s\u00a0\u202f]+/g, " ").trim();
	// a frame of the screen; where none is drawn, a tenth of a second
	const frame = () => new Promise(done => { requestAnimationFrame(done); setTimeout(done, 100); });
	// what the page has put off until the present event is done
	const turn = () => new Promise(done => setTimeout(done, 0));

	// ---- finding ----

	function* roots(root) {
		yield root;
		for (const e of root.querySelectorAll("*"))
			if (e.shadowRoot)
				yield* roots(e.shadowRoot);
	}
	const all = css => {
		const found = [];
		for (const r of roots(document))
			found.push(...r.querySelectorAll(css));
		return found;
	};
	const shown = e => {
		const r = e.getBoundingClientRect();
		return r.width > 0 && r.height > 0 && e.checkVisibility({visibilityProperty: true});
	};
	const text_of = e => fold(e instanceof HTMLInputElement ? e.value : e.innerText);
	// the innermost elements with that text; those whose whole text it is come before those that hold it
	function by_text(wanted) {
		wanted = fold(wanted);
		const typed = ["submit", "button", "reset"];
		const held = all("*").filter(e => !(e instanceof HTMLInputElement && !typed.includes(e.type)) &&
			!/^(html|body|script|style|template|noscript|option)$/i.test(e.tagName) && shown(e) && text_of(e).includes(wanted));
		const inner = held.filter(e => !held.some(o => o !== e && e.contains(o)));
		const whole = inner.filter(e => text_of(e) === wanted);
		return whole.length ? whole : inner;
	}
	function by_label(wanted) {
		wanted = fold(wanted);
		const bare = s => fold(s).replace(/\s*[*:]+$/, "");
		const named = new Map();
		for (const l of all("label"))
			if (l.control)
				named.set(l.control, bare(l.innerText));
		for (const e of all("input, select, textarea, button, [role], [contenteditable]")) {
			const ids = (e.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
			const other = e.getAttribute("aria-label") || e.getAttribute("placeholder");
			if (ids.length)
				named.set(e, bare(ids.map(i => { const l = e.getRootNode().getElementById(i); return l ? l.innerText : ""; }).join(" ")));
			else if (other && !named.has(e))
				named.set(e, bare(other));
		}
		const whole = [...named].filter(([e, n]) => n === wanted), part = [...named].filter(([e, n]) => n.includes(wanted));
		return (whole.length ? whole : part).map(([e]) => e);
	}
	function find(s) {
		if (s.startsWith("text="))
			return by_text(s.slice(5));
		if (s.startsWith("label="))
			return by_label(s.slice(6));
		if (s.startsWith("/") || s.startsWith("xpath:")) {
			const x = document.evaluate(s.replace(/^xpath:\s*/, ""), document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
			return Array.from({length: x.snapshotLength}, (_, i) => x.snapshotItem(i)).filter(n => n instanceof Element);
		}
		return all(s.replace(/^css:\s*/, ""));
	}

	// ---- waiting for what can be acted on ----

	const tell = e => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + [...e.classList].slice(0, 2).map(c => "." + c).join("");
	const off = e => e.matches(":disabled") || !!e.closest('[aria-disabled="true"]');
	const box = e => { const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height].join(); };
	function top_at(x, y) {
		let e = document.elementFromPoint(x, y);
		while (e && e.shadowRoot) {
			const inner = e.shadowRoot.elementFromPoint(x, y);
			if (!inner || inner === e)
				break;
			e = inner;
		}
		return e;
	}
	function within(outer, e) {
		for (; e; e = e.parentNode || e.host)
			if (e === outer)
				return true;
		return false;
	}
	const hits = (e, at) => at && (within(e, at) || (at.closest("label") || {}).control === e ||
		(e instanceof HTMLLabelElement && e.control === at));
	// a point of the element that is in the window
	function point(e) {
		for (const r of e.getClientRects()) {
			const left = Math.max(r.left, 0), top = Math.max(r.top, 0);
			const right = Math.min(r.right, innerWidth), bottom = Math.min(r.bottom, innerHeight);
			if (right - left >= 1 && bottom - top >= 1)
				return [(left + right) / 2, (top + bottom) / 2];
		}
		return null;
	}
	class No extends Error {
		constructor(code, why) { super(why); this.code = code; }
	}
	// the one element, once `ready` finds nothing to say against it; and, where it is to be pressed (`still`), is at the same place
	// in two frames one after the other
	async function until(seek, ready, name, still = () => false) {
		let why = "no_match", said = "nothing matches", before = null, many = 0;
		for (;;) {
			const found = seek();
			const seen = found.filter(shown), list = arg && arg.hidden ? found : seen;
			const e = arg && arg.nth ? list[arg.nth - 1] : list[0];
			let now = null;
			if (!found.length)
				[why, said] = ["no_match", "nothing matches"];
			else if (!e)
				[why, said] = ["no_match", tell(found[0]) + " is not visible"];
			else if (list.length > 1 && !(arg && arg.nth)) {
				[why, said] = ["many", list.length + " elements match: " + list.slice(0, 3).map(tell).join(", ")];
				if (++many > 5)
					throw new No(why, name + ": " + said);
			} else {
				many = 0;
				const no = ready(e);
				if (no)
					[why, said] = ["no_match", no];
				else if (!still(e) || (before && before[0] === e && before[1] === box(e)))
					return e;
				else {
					[why, said] = ["no_match", tell(e) + " moves"];
					now = [e, box(e)];
				}
			}
			before = now;
			if (performance.now() > end)
				throw new No(why, name + ": " + said);
			await frame();
		}
	}
	const usable = e => off(e) ? tell(e) + " is disabled" : null;
	function reachable(e) {
		if (off(e))
			return tell(e) + " is disabled";
		let p = point(e);
		if (!p) {
			e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
			p = point(e);
		}
		if (!p)
			return tell(e) + " is out of the window";
		let at = top_at(...p);
		if (hits(e, at))
			return null;
		e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
		p = point(e);
		at = p && top_at(...p);
		return hits(e, at) ? null : tell(e) + " is covered by " + (at ? tell(at) : "nothing");
	}
	const clickable = async (seek, name) => {
		const e = await until(seek, reachable, name, () => true), [x, y] = point(e);
		return [e, {x, y}];
	};
	const seek = () => find(spec);

	// ---- values ----

	function set_value(e, value) {
		const proto = e instanceof HTMLTextAreaElement ? HTMLTextAreaElement : e instanceof HTMLSelectElement ? HTMLSelectElement : HTMLInputElement;
		Object.getOwnPropertyDescriptor(proto.prototype, "value").set.call(e, value);
	}
	function changed(e) {
		e.dispatchEvent(new Event("input", {bubbles: true, composed: true}));
		e.dispatchEvent(new Event("change", {bubbles: true}));
	}
	const picked = ["date", "time", "month", "week", "datetime-local", "color", "range"];
	// what a field that was typed into made of it
	function taken(e) {
		const bare = s => s.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
		e.dispatchEvent(new Event("change", {bubbles: true}));
		const has = bare("value" in e ? e.value : e.innerText);
		return {same: has === bare(arg.value), length: has.length};
	}
	const bytes = t => Uint8Array.from(atob(t), c => c.charCodeAt(0));
	function set_files(e, list) {
		const d = new DataTransfer();
		for (const f of list)
			d.items.add(new File([bytes(f.data_base64 || "")], f.name || "file", {type: f.type || "application/octet-stream"}));
		e.files = d.files;
		changed(e);
	}
	const options = e => [...e.options].filter(o => !o.disabled);
	function option(e, wanted) {
		const list = options(e), w = fold(wanted);
		return list.find(o => o.value === wanted) || list.find(o => fold(o.text) === w || fold(o.label) === w);
	}
	const checked = e => "checked" in e ? e.checked : e.getAttribute("aria-checked") === "true";

	// ---- the document as text ----

	const silent = /^(head|script|style|template|title|meta|link|base|noscript|option|optgroup|datalist|area|param|source|track|br|wbr)$/i;
	function mark(e, copy) {
		if (e instanceof HTMLInputElement) {
			if (["checkbox", "radio"].includes(e.type)) {
				if (e.checked !== e.defaultChecked)
					copy.toggleAttribute("checked", e.checked);
			} else if (e.type !== "password" && e.type !== "file" && e.value !== e.defaultValue)
				copy.setAttribute("value", e.value);
		} else if (e instanceof HTMLOptionElement) {
			if (e.selected !== e.defaultSelected)
				copy.toggleAttribute("selected", e.selected);
		} else if (e instanceof HTMLTextAreaElement)
			copy.textContent = "\n" + e.value; // the first line end is not part of it
		if (silent.test(e.tagName) || (e instanceof HTMLInputElement && e.type === "hidden"))
			return false;
		const s = getComputedStyle(e);
		const hidden = s.display === "none" || (s.visibility !== "visible" && !e.firstElementChild);
		if (hidden)
			copy.setAttribute("hidden", "");
		return s.display === "none";
	}
	function copy(from, into, plain) {
		for (const n of from.childNodes) {
			if (n.nodeType === Node.ELEMENT_NODE) {
				if (/^noscript$/i.test(n.tagName))
					continue;
				const c = inert.importNode(n, n instanceof HTMLTemplateElement);
				into.append(c);
				if (n instanceof HTMLTemplateElement)
					continue;
				const gone = mark(n, c);
				if (n instanceof HTMLTextAreaElement)
					continue;
				if (n.shadowRoot)
					copy(n.shadowRoot, c);
				copy(n, c);
			} else
				into.append(inert.importNode(n, true));
		}
	}
	let inert;
	// whether the page has changed since it was last written out; this world is ours alone, and lasts as long as the page
	const watch = globalThis.watch || (globalThis.watch = {dirty: false, wake: null, of: new MutationObserver(() => {
		watch.dirty = true;
		if (watch.wake)
			watch.wake();
	})});
	function html() {
		watch.of.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
		watch.of.takeRecords();
		watch.dirty = false;
		inert = document.implementation.createHTMLDocument("");
		const top = inert.importNode(document.documentElement, false);
		copy(document.documentElement, top);
		const text = (document.doctype ? "<!DOCTYPE html>\n" : "") + top.outerHTML, url = location.href;
		return text.length > arg.max ? {html: text.slice(0, arg.max), url, cut: true} : {html: text, url, cut: false};
	}

	// ---- forms ----

	function the_form(list) {
		const tried = list.length ? list : ["form"];
		for (const s of tried) {
			const found = find(s).filter(e => e instanceof HTMLFormElement);
			if (found.length > 1)
				throw new No("many", s + ": " + found.length + " forms match");
			if (found.length)
				return found[0];
		}
		throw new No("no_match", "no form matches " + tried.join(" or "));
	}
	function set_field(form, name, value) {
		const list = [...form.elements].filter(e => e.name === name && !/^(submit|button|reset|image|fieldset)$/.test(e.type));
		const live = list.filter(e => !e.matches(":disabled"));
		if (!list.length)
			throw new No("no_match", "the form has no field '" + name + "'");
		if (!live.length)
			throw new No("no_match", "field '" + name + "' is disabled");
		const e = live.find(f => f.type !== "hidden") || live[0], wants = v => (Array.isArray(value) ? value : [value]).map(String).includes(v);
		const label = b => fold([...(b.labels || [])].map(l => l.innerText).join(" "));
		if (value === null)
			return live.forEach(f => { f.disabled = true; });
		if (e instanceof HTMLSelectElement) {
			const given = (Array.isArray(value) ? value : [value]).map(v => option(e, String(v)));
			if (given.includes(undefined))
				throw new No("no_match", "field '" + name + "' has no such choice");
			for (const o of e.options)
				o.selected = given.includes(o);
			changed(e);
		} else if (e.type === "checkbox" || e.type === "radio") {
			let found = typeof value === "boolean" && e.type === "checkbox" && live.length === 1;
			for (const b of live) {
				const on = typeof value === "boolean" ? value : wants(b.value) || wants(label(b));
				found = found || (on && typeof value !== "boolean");
				if (b.checked !== on) {
					b.checked = on;
					changed(b);
				}
			}
			if (!found && !(Array.isArray(value) && !value.length))
				throw new No("no_match", "field '" + name + "' has no such choice");
		} else if (e.type === "file") {
			const files = (Array.isArray(value) ? value : [value]).map(v => v && v.file);
			if (files.includes(undefined))
				throw new No("usage", "field '" + name + "' takes a file");
			set_files(e, files);
		} else if (Array.isArray(value)) {
			live.forEach((f, i) => { if (i < value.length) { set_value(f, String(value[i])); changed(f); } else f.disabled = true; });
		} else if (typeof value === "object") {
			throw new No("usage", "field '" + name + "': not a value");
		} else {
			set_value(e, String(value));
			changed(e);
		}
	}
	function submit() {
		const form = the_form(arg.form);
		for (const [name, value] of Object.entries(arg.set || {}))
			set_field(form, name, value);
		const buttons = [...form.elements].filter(b => /^(submit|image)$/.test(b.type));
		let button = buttons.find(b => !b.matches(":disabled")) || null;
		if (arg.button !== null) {
			const [name, ...rest] = arg.button.split("="), value = rest.join("=");
			button = arg.button === "" ? null : buttons.find(b => b.name === name && (!rest.length || b.value === value));
			if (button === undefined)
				throw new No("no_match", "the form has no button '" + arg.button + "'");
			if (button && button.matches(":disabled"))
				throw new No("no_match", "button '" + arg.button + "' is disabled");
		}
		const bad = form.noValidate || (button && button.formNoValidate) ? null : [...form.elements].find(e => e.willValidate && !e.validity.valid);
		if (bad)
			throw new No("no_match", "field '" + (bad.name || bad.id) + "' is not valid: " + bad.validationMessage);
		// after our answer: the page may be gone before it is given
		setTimeout(() => button ? form.requestSubmit(button) : form.requestSubmit(), 0);
		return {};
	}

	// ---- the operations ----

	const ops = {
		async point() {
			const [e, p] = await clickable(seek, spec);
			return p;
		},
		async edit() {
			const e = await until(seek, e => off(e) ? tell(e) + " is disabled" : e.readOnly ? tell(e) + " is read-only" : reachable(e), spec);
			if (e instanceof HTMLInputElement && picked.includes(e.type)) {
				set_value(e, arg.value);
				changed(e);
				return {done: true, same: e.value === arg.value};
			}
			if (!(e instanceof HTMLInputElement || e instanceof HTMLTextAreaElement || e.isContentEditable))
				throw new No("no_match", spec + ": " + tell(e) + " takes no text");
			e.focus();
			if (e.select) {
				e.select();
				// an editing command is what typing is to the page: its events are the browser's own
				if (arg.value ? document.execCommand("insertText", false, arg.value) : !e.value || document.execCommand("delete")) {
					await turn();
					return {done: true, ...taken(e)};
				}
			} else
				getSelection().selectAllChildren(e);
			return {done: false, empty: !(e.value || e.textContent)};
		},
		// several of them, up to one that is not done
		async edits() {
			const list = arg.fields;
			for (const [at, [selector, value]] of list.entries()) {
				[spec, arg, late] = [selector, {value}, at > 0];
				const got = await ops.edit();
				if (!got.done || !got.same)
					return {...got, at};
			}
			return {done: true, same: true, at: list.length};
		},
		async typed() {
			const e = find(spec).filter(shown)[arg.nth ? arg.nth - 1 : 0];
			return e ? taken(e) : {same: true};
		},
		async choose() {
			const e = await until(seek, e => {
				if (!(e instanceof HTMLSelectElement))
					return reachable(e);
				return usable(e) || (option(e, arg.option) ? null : "no option '" + arg.option + "' among " + options(e).slice(0, 8).map(o => "'" + fold(o.text) + "'").join(", "));
			}, spec, e => !(e instanceof HTMLSelectElement));
			if (e instanceof HTMLSelectElement) {
				const o = option(e, arg.option);
				if (!e.multiple || !o.selected) {
					o.selected = true;
					changed(e);
				}
				return {done: true};
			}
			const [x, y] = point(e);
			return {done: false, open: e.getAttribute("aria-expanded") === "true", x, y};
		},
		async option() {
			const w = fold(arg.option), is = '[role="option"], [role="menuitem"], [role="menuitemradio"], [role="listbox"] li';
			const list = () => {
				const held = all(is).filter(e => shown(e) && text_of(e).includes(w)), whole = held.filter(e => text_of(e) === w || e.getAttribute("aria-label") === w);
				return whole.length ? whole : held;
			};
			const [e, p] = await clickable(list, spec + ": option '" + arg.option + "'");
			return p;
		},
		async check() {
			// the box itself may be drawn by its label
			const box = () => find(spec).map(e => shown(e) ? e : [...(e.labels || [])].find(shown) || e);
			const [e, p] = await clickable(box, spec), real = e instanceof HTMLLabelElement && e.control ? e.control : e;
			return {...p, on: checked(real)};
		},
		async checked() {
			const e = find(spec)[0], real = e instanceof HTMLLabelElement && e.control ? e.control : e;
			return {on: !!real && checked(real)};
		},
		async focus() {
			const e = await until(seek, usable, spec);
			e.focus();
			return {};
		},
		async upload() {
			const e = await until(seek, usable, spec);
			if (e.type !== "file")
				throw new No("no_match", spec + ": " + tell(e) + " takes no file");
			set_files(e, arg.files);
			return {};
		},
		async frame() {
			return until(seek, e => /^i?frame$/i.test(e.tagName) ? null : tell(e) + " is no frame", spec);
		},
		async offset() {
			const e = spec;
			let p = e.getBoundingClientRect();
			if (p.bottom < 0 || p.top > innerHeight)
				e.scrollIntoView({block: "center", behavior: "instant"});
			p = e.getBoundingClientRect();
			const x = p.left + e.clientLeft, y = p.top + e.clientTop, at = arg && arg.x !== undefined ? top_at(x + arg.x, y + arg.y) : e;
			return {x, y, cover: at === e ? null : at ? tell(at) : "nothing"};
		},
		async change() {
			if (!watch.dirty)
				await new Promise(done => { watch.wake = done; setTimeout(done, ms); });
			return {};
		},
		// once the page has taken what was done to it
		async drawn() {
			await turn();
			await turn();
			return html();
		},
		async html() { return html(); },
		async submit() { return submit(); },
		async storage() {
			const list = [], origin = location.origin;
			for (const [area, s] of [["local", () => localStorage], ["session", () => sessionStorage]])
				try {
					for (let i = 0; i < s().length; i++)
						list.push({origin, area, key: s().key(i), value: s().getItem(s().key(i))});
				} catch (e) {
					// a page without storage
				}
			return {origin, list};
		},
	};
	try {
		const value = await ops[op]();
		return op === "frame" ? value : {ok: value};
	} catch (e) {
		if (e instanceof No)
			return {code: e.code, why: e.message, late};
		if (e instanceof DOMException && (e.name === "SyntaxError" || e.name === "NamespaceError" || e.name === "InvalidStateError"))
			return {code: "selector", why: "'" + String(spec).slice(0, 100) + "' is no selector", late};
		throw e;
	}
}
