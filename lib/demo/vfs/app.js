/* The practice visa centre's page: one document whose script makes every screen, as such sites have it. */
(() => {
"use strict";

const root = document.querySelector("app-root"), html = document.documentElement, lang = html.lang === "tr" ? "tr" : "en";
const meta = name => document.querySelector(`meta[name="${name}"]`)?.content || "";
const base = `/tur/${lang}/fra/`, route = `tur/${lang}/fra`, seed = meta("practice-seed"), idle = Number(meta("practice-idle"));
/* after a redesign (the fault "changed") everything has other names, and works */
const look = html.hasAttribute("data-look") ? "" : "v2-";

const words = {
	en: {
		title: "Practice Visa Centre", email: "Email", password: "Password", signIn: "Sign In", otp: "One Time Password",
		otpSent: "A one time password has been sent to your e-mail address.", verify: "Verify", checking: "Practice site: looking whether this is a browser …",
		checked: "Practice site: it is.", picture: "Practice site: type the digits of the picture to show that you are a person.", person: "I am a person",
		cookies: "This practice site keeps a cookie for your visit.", accept: "Accept All Cookies", dashboard: "Dashboard", start: "Start New Booking",
		signOut: "Sign Out", none: "You have no appointments.", details: "Appointment Details", centre: "Choose your Application Centre",
		category: "Choose your appointment category", sub: "Choose your sub-category", choose: "Select", cont: "Continue",
		noSlots: "We are sorry, but no appointment slots are currently available. Please try again later",
		earliest: n => `Earliest available slot for ${n} Applicants is : `, waitlist: "Put me on the waitlist", yours: "Your Details", applicant: "Applicant",
		first: "First Name", last: "Last Name", gender: "Gender", male: "Male", female: "Female", other: "Other", birth: "Date Of Birth (DD/MM/YYYY)",
		nationality: "Nationality", turkey: "TURKEY", germany: "GERMANY", kazakhstan: "KAZAKHSTAN", passport: "Passport Number",
		expiry: "Passport Expiry Date (DD/MM/YYYY)", dial: "Dial code", phone: "Contact number", image: "Picture of the passport", another: "Add Another",
		save: "Save", wait: n => `You can save in ${n} s.`, saved: "Your details have been saved.", generate: "Generate One Time Password", verified: "Verified.",
		book: "Book an Appointment", next: "Next month", previous: "Previous month", select: "Select", selected: "Selected", more: "Load More",
		services: "Services", review: "Review and Payment", total: "Total", terms: "I accept the terms and conditions.",
		privacy: "I agree that my data are kept for this appointment.", confirm: "Confirm", pay: "Pay Online", confirmation: "Confirmation",
		done: "Your appointment is booked.", waiting: "You are on the waitlist.", pending: "This appointment is not paid for yet.", reference: "Reference number",
		back: "Go Back To Dashboard", expired: "Session expired", expiredText: "Your session has expired. Please sign in again.", again: "Sign in again",
		wrong: "Something went wrong", notHere: "Page not found", status: "Status", when: "Date", time: "Time", where: "Application Centre",
		months: ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
		days: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
		errors: {1035: "No slots are available.", 1036: "The site is under maintenance. Please come back later.", 1037: "You have an appointment already.",
			1101: "An appointment of yours waits for its payment.", 410: "The e-mail address or the password is wrong.", 423: "This account is locked.",
			411: "This one time password is not valid.", 428: "The challenge was not met.", 422: "Please correct:", 409: "Repeated Delay: this was too early.",
			429: "Too many requests. Please try again later.", 504: "The site took too long to answer."},
	},
	tr: {
		title: "Örnek Vize Merkezi", email: "E-posta", password: "Şifre", signIn: "Oturum Aç", otp: "Tek Kullanımlık Şifre",
		otpSent: "E-posta adresinize tek kullanımlık bir şifre gönderildi.", verify: "Doğrula", checking: "Deneme sitesi: bunun bir tarayıcı olup olmadığına bakılıyor …",
		checked: "Deneme sitesi: tarayıcı.", picture: "Deneme sitesi: insan olduğunuzu göstermek için resimdeki rakamları yazın.", person: "Ben insanım",
		cookies: "Bu deneme sitesi ziyaretiniz için bir çerez saklar.", accept: "Tüm Çerezleri Kabul Et", dashboard: "Gösterge Paneli", start: "Yeni Rezervasyon Başlat",
		signOut: "Oturumu Kapat", none: "Randevunuz yok.", details: "Randevu Detayları", centre: "Başvuru Merkezinizi seçin",
		category: "Randevu kategorinizi seçin", sub: "Alt kategorinizi seçin", choose: "Seçin", cont: "Devam Et",
		noSlots: "Üzgünüz, şu anda uygun randevu bulunmamaktadır. Lütfen daha sonra tekrar deneyin",
		earliest: n => `${n} Başvuru sahipleri için en erken uygun randevu : `, waitlist: "Beni bekleme listesine al", yours: "Bilgileriniz", applicant: "Başvuru sahibi",
		first: "Ad", last: "Soyad", gender: "Cinsiyet", male: "Erkek", female: "Kadın", other: "Diğer", birth: "Doğum Tarihi (GG/AA/YYYY)",
		nationality: "Uyruk", turkey: "TÜRKİYE", germany: "ALMANYA", kazakhstan: "KAZAKİSTAN", passport: "Pasaport Numarası",
		expiry: "Pasaport Bitiş Tarihi (GG/AA/YYYY)", dial: "Ülke kodu", phone: "Telefon numarası", image: "Pasaportun resmi", another: "Başka Ekle",
		save: "Kaydet", wait: n => `${n} sn sonra kaydedebilirsiniz.`, saved: "Bilgileriniz kaydedildi.", generate: "Tek Kullanımlık Şifre Oluştur", verified: "Doğrulandı.",
		book: "Randevu Al", next: "Sonraki ay", previous: "Önceki ay", select: "Seç", selected: "Seçildi", more: "Daha Fazla Yükle",
		services: "Hizmetler", review: "İnceleme ve Ödeme", total: "Toplam", terms: "Şartları ve koşulları kabul ediyorum.",
		privacy: "Verilerimin bu randevu için saklanmasını kabul ediyorum.", confirm: "Onayla", pay: "Çevrimiçi Öde", confirmation: "Onay",
		done: "Randevunuz alındı.", waiting: "Bekleme listesindesiniz.", pending: "Bu randevunun ödemesi henüz yapılmadı.", reference: "Referans numarası",
		back: "Gösterge Paneline Dön", expired: "Oturum sona erdi", expiredText: "Oturumunuzun süresi doldu: oturum sona erdi. Lütfen yeniden oturum açın.",
		again: "Yeniden oturum aç", wrong: "Bir şeyler ters gitti", notHere: "Sayfa bulunamadı", status: "Durum", when: "Tarih", time: "Saat", where: "Başvuru Merkezi",
		months: ["Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım", "Aralık"],
		days: ["Pzt", "Sal", "Çar", "Per", "Cum", "Cmt", "Paz"],
		errors: {1035: "Uygun randevu yok.", 1036: "Site bakımda. Lütfen daha sonra gelin.", 1037: "Zaten bir randevunuz var.",
			1101: "Bir randevunuz ödeme bekliyor.", 410: "E-posta adresi veya şifre yanlış.", 423: "Bu hesap kilitli.",
			411: "Bu tek kullanımlık şifre geçerli değil.", 428: "Doğrulama tamamlanmadı.", 422: "Lütfen düzeltin:", 409: "Repeated Delay: bu çok erkendi.",
			429: "Çok fazla istek. Lütfen daha sonra tekrar deneyin.", 504: "Site çok geç yanıt verdi."},
	},
}[lang];

/* What is kept over a reload, in this tab only: the token of the login, and the application under way. */
const key = "practice-visit";
let kept = JSON.parse(sessionStorage.getItem(key) || "{}");
const keep = more => { kept = {...kept, ...more}; sessionStorage.setItem(key, JSON.stringify(kept)); };
const forget = () => { kept = {}; sessionStorage.removeItem(key); };

/* h("p", {class: "alert", on: {click: …}}, child, …): an element */
const h = (tag, attrs = {}, ...children) => {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(attrs)) {
		if (name === "on")
			for (const [type, act] of Object.entries(value))
				e.addEventListener(type, act);
		else if (typeof value === "boolean")
			e.toggleAttribute(name, value);
		else if (["id", "formcontrolname", "for", "aria-labelledby"].includes(name))
			e.setAttribute(name, look + value);
		else if (name === "class")
			e.className = value.split(" ").map(c => look + c).join(" ");
		else
			e.setAttribute(name, value);
	}
	e.append(...children.filter(c => c !== null));
	return e;
};
const button = (text, act, attrs = {}) => h("button", {type: "button", ...attrs, on: {click: act}}, text);

/* Calls */

const fnv = text => {
	let hash = 2166136261;
	for (const b of new TextEncoder().encode(text))
		hash = Math.imul(hash ^ b, 16777619);
	return (hash >>> 0).toString(16).padStart(8, "0");
};
const source = (method, path) => {
	const time = Date.now(), word = Math.random().toString(36).slice(2, 10);
	return `${time}.${word}.${fnv(`${seed}|${route}|${method} ${path}|${time}|${word}`)}`;
};

class Told extends Error {} /* the screen says already what is wrong */

const loading = async work => {
	const cover = h("div", {class: "loading"});
	document.body.append(cover);
	try {
		return await work();
	} finally {
		cover.remove();
	}
};
const alert_ = text => {
	const main = root.querySelector("main"), old = main.querySelector('[role="alert"]');
	old?.remove();
	main.prepend(h("div", {class: "alert", role: "alert"}, text));
	main.scrollIntoView();
};
const refuse = (code, detail) => {
	alert_(`${words.errors[code] || words.wrong} ${code === 422 ? detail : ""} (${code})`);
	throw new Told(String(code));
};

/* A page in place of an answer is shown: a waiting room, a block page. */
const replace = async answer => {
	const text = await answer.text();
	document.open();
	document.write(text);
	document.close();
	throw new Told("replaced");
};
const send = async (method, path, body) => {
	const headers = {route, clientsource: source(method, "/vfs/api/" + path)};
	if (kept.token)
		headers.authorize = kept.token;
	if (body && !(body instanceof FormData)) {
		headers["Content-Type"] = "application/json";
		body = JSON.stringify(body);
	}
	try {
		return await fetch("/vfs/api/" + path, {method, headers, body});
	} catch (e) {
		alert_(words.wrong);
		throw new Told(e.message);
	}
};
const call = (method, path, body, may = []) => loading(async () => {
	const answer = await send(method, path, body);
	if (answer.status === 401)
		expired();
	if ((answer.headers.get("Content-Type") || "").startsWith("text/html"))
		await replace(answer);
	if (!answer.ok)
		refuse(answer.status);
	const data = await answer.json().catch(() => refuse(0));
	if (data.error && !may.includes(data.error.code))
		refuse(data.error.code, data.error.description);
	return data;
});
/* For handlers: what was told is enough. */
const acting = act => async (...args) => {
	try {
		await act(...args);
	} catch (e) {
		if (!(e instanceof Told)) {
			alert_(words.wrong);
			throw e;
		}
	}
};

/* Screens */

let leave = []; /* what ends with the screen that is shown */
const show = (name, title, ...children) => {
	leave.forEach(end => end());
	leave = [];
	document.title = `${title} · ${words.title}`;
	const main = h("main", {id: name}, h("h1", {}, title), ...children);
	root.replaceChildren(h("header", {}, h("span", {}, words.title),
		kept.in ? button(words.signOut, acting(signOut), {id: "sign-out"}) : h("span")), main);
	return main;
};
const go = async (name, query = "") => {
	history.pushState(null, "", base + name + query);
	await draw();
};
const expired = () => {
	forget();
	show("session-expired", words.expired, h("p", {}, words.expiredText), button(words.again, () => location.assign(base + "login"), {id: "sign-in-again"}));
	throw new Told("expired");
};
const signOut = async () => {
	await call("POST", "user/logout", {});
	forget();
	location.assign(base + "login");
};

const input = (name, text, attrs = {}) => {
	const id = attrs.id || name;
	return [h("label", {for: id}, text), h("input", {type: "text", formcontrolname: name, ...attrs, id})];
};

/* A list that is none to a browser: opened by a click, filled a moment later, in a layer of its own. */
let lists = 0;
const listbox = (name, text, attrs = {}) => {
	const id = attrs.id || name, number = lists++;
	const value = h("span", {}, words.choose);
	const box = h("div", {class: "select", role: "combobox", tabindex: "0", formcontrolname: name, id, "aria-haspopup": "listbox", "aria-expanded": "false",
		"aria-labelledby": id + "-label"}, value);
	const list = {box, value: "", options: [], change: () => {}};
	let layer = null;
	const close = () => {
		layer?.remove();
		layer = null;
		box.setAttribute("aria-expanded", "false");
	};
	const pick = option => {
		close();
		list.value = option.code;
		value.textContent = option.name;
		list.change();
	};
	const open = () => {
		if (layer || list.disabled)
			return;
		const at = box.getBoundingClientRect(), panel = h("div", {class: "options", role: "listbox", id: `listbox-${number}`, "aria-labelledby": id + "-label"});
		panel.style.left = `${at.left + scrollX}px`;
		panel.style.top = `${at.bottom + scrollY}px`;
		panel.style.width = `${at.width}px`;
		layer = h("div", {class: "layer"}, h("div", {class: "backdrop", on: {click: close}}), panel);
		document.body.append(layer);
		box.setAttribute("aria-expanded", "true");
		setTimeout(() => panel.append(...list.options.map(o =>
			h("div", {class: "option", role: "option", "aria-selected": String(o.code === list.value), on: {click: () => pick(o)}}, o.name))), 120);
	};
	box.addEventListener("click", open);
	box.addEventListener("keydown", e => {
		if (e.key === "Enter" || e.key === " ")
			open();
		else if (e.key === "Escape")
			close();
	});
	list.set = options => {
		list.options = options;
		list.value = "";
		value.textContent = words.choose;
		list.disabled = !options.length;
		box.setAttribute("aria-disabled", String(list.disabled));
	};
	list.set(attrs.options || []);
	list.parts = [h("span", {class: "label", id: id + "-label"}, text), box];
	leave.push(close);
	return list;
};

const cookieBanner = () => {
	if (localStorage.getItem("practice-cookies"))
		return;
	setTimeout(() => {
		const banner = h("div", {id: "onetrust-banner-sdk", class: "cookies", role: "dialog", "aria-label": words.cookies}, h("p", {}, words.cookies),
			button(words.accept, () => {
				localStorage.setItem("practice-cookies", "yes");
				banner.remove();
			}, {id: "onetrust-accept-btn-handler"}));
		document.body.append(banner);
	}, 150);
};

/* The box that says what it is. It fills its hidden field by itself after a moment; or, with a picture, once a person has read it. */
const challenge = change => {
	const field = h("input", {type: "hidden", name: "cf-turnstile-response", value: ""}), text = h("span", {}, words.checking);
	const box = h("div", {class: "challenge", id: "practice-challenge"}, text, field);
	const met = token => {
		field.value = token;
		box.replaceChildren(h("span", {}, words.checked), field);
		change();
	};
	const ask = picture => {
		const answer = h("input", {type: "text", id: "challenge-answer", maxlength: "6", inputmode: "numeric", autocomplete: "off", "aria-label": words.picture});
		text.textContent = words.picture;
		box.append(h("img", {id: "challenge-picture", src: `${picture}?${Date.now()}`, alt: words.picture}), answer,
			button(words.person, acting(async () => met((await call("POST", "challenge", {answer: answer.value})).token)), {id: "challenge-button"}));
	};
	const begin = acting(async () => {
		const data = await call("GET", "challenge");
		if (data.picture)
			ask(data.picture);
		else
			setTimeout(() => met(data.token), 300);
	});
	return {box, field, begin};
};

const login = async () => {
	const form = h("form", {id: "login-form"}), send_ = h("button", {type: "submit", disabled: true}, words.signIn);
	const email = input("username", words.email, {id: "Email", type: "email", autocomplete: "username"});
	const password = input("password", words.password, {id: "Password", type: "password", autocomplete: "current-password"});
	const check = () => { send_.disabled = !email[1].value || !password[1].value || !box.field.value; };
	const box = challenge(check);
	form.append(...email, ...password, box.box, send_);
	form.addEventListener("input", check);
	form.addEventListener("submit", e => {
		e.preventDefault();
		const who = {username: email[1].value, password: password[1].value};
		acting(async () => {
			try {
				const data = await call("POST", "user/login", {...who, missioncode: "fra", countrycode: "tur", captcha_version: "practice-v1",
					captcha_api_key: box.field.value});
				keep({token: data.accessToken});
				code(who);
			} catch (e) {
				/* a token is good once */
				box.field.value = "";
				check();
				if (form.isConnected)
					await box.begin();
				throw e;
			}
		})();
	});
	show("login", words.signIn, form);
	await box.begin();
};

/* on the same address as the login */
const code = who => {
	const form = h("form", {id: "otp-form"}), send_ = h("button", {type: "submit", disabled: true}, words.verify);
	const field = input("otp", words.otp, {id: "otp", autocomplete: "one-time-code", inputmode: "numeric", maxlength: "6"});
	form.append(h("p", {}, words.otpSent), ...field, send_);
	form.addEventListener("input", () => { send_.disabled = !/^[0-9]{6}$/.test(field[1].value); });
	form.addEventListener("submit", e => {
		e.preventDefault();
		acting(async () => {
			const data = await call("POST", "user/login", {...who, otp: field[1].value});
			keep({token: data.accessToken, in: data.isAuthenticated, user: who.username});
			await go("dashboard");
		})();
	});
	show("otp-screen", words.otp, form);
};

const dashboard = async () => {
	const main = show("dashboard", words.dashboard, button(words.start, acting(() => go("application-detail")), {id: "start-new-booking"}));
	const {applications} = await call("GET", "appointment/application");
	if (!applications.length) {
		main.append(h("p", {id: "no-applications"}, words.none));
		return;
	}
	main.append(h("table", {id: "applications"}, h("tbody", {}, ...applications.map(a =>
		h("tr", {class: "application", "data-reference": a.RequestRefNo, "data-status": a.status, "data-allocation": a.allocationId},
			h("td", {}, a.RequestRefNo), h("td", {}, a.appointmentDate), h("td", {}, a.appointmentTime), h("td", {}, a.centerName), h("td", {}, a.status),
			h("td", {}, a.URL ? h("a", {href: a.URL}, words.pay) : ""))))));
};

const applicationDetail = async () => {
	const centre = listbox("centerCode", words.centre), category = listbox("selectedSubvisaCategory", words.category), sub = listbox("visaCategoryCode", words.sub);
	const result = h("div", {id: "availability", "aria-live": "polite"}), next = button(words.cont, acting(begin), {id: "continue", disabled: true});
	let waitlist = false;
	async function begin() {
		const data = await call("POST", "appointment/application", {centerCode: centre.value, visaCategoryCode: sub.value, loginUser: kept.user, isWaitlist: waitlist});
		keep({urn: data.urn, waitUntil: Date.now() + data.waitMs, image: data.isPassportImage, otp: data.isApplicantOTP, saved: 0, slot: null, ref: null,
			earliest: begin.earliest, waitlist});
		await go(waitlist ? "confirmation" : "your-details");
	}
	const clear = () => { result.replaceChildren(); next.disabled = true; waitlist = false; };
	const named = list => list.map(o => ({code: o.code, name: o.name}));
	centre.change = acting(async () => {
		clear();
		sub.set([]);
		category.set(named(await call("GET", `master/visacategory/fra/tur/${centre.value}/${lang}`)));
	});
	category.change = acting(async () => {
		clear();
		sub.set(named(await call("GET", `master/subvisacategory/fra/tur/${centre.value}/${category.value}`)));
	});
	sub.change = acting(async () => {
		clear();
		const data = await call("POST", "appointment/CheckIsSlotAvailable", {countryCode: "tur", missionCode: "fra", vacCode: centre.value,
			visaCategoryCode: sub.value, roleName: "Individual", loginUser: kept.user, payCode: ""}, [1035]);
		if (!data.error) {
			begin.earliest = data.earliestDate;
			/* MM/DD/YYYY 00:00:00 comes, DD-MM-YYYY is shown */
			result.append(...data.earliestSlotLists.map(s => h("div", {class: "alert-info"}, words.earliest(s.applicant) +
				s.date.replace(/^(\d\d)\/(\d\d)\/(\d{4}).*/, "$2-$1-$3"))));
			next.disabled = false;
			return;
		}
		result.append(h("div", {class: "alert-info", id: "no-slots"}, words.noSlots));
		if (data.isWaitlist)
			result.append(h("label", {for: "waitlist"}, h("input", {type: "checkbox", id: "waitlist", formcontrolname: "waitlist", on: {change: e => {
				waitlist = e.target.checked;
				next.disabled = !waitlist;
			}}}), " " + words.waitlist));
	});
	show("application-detail", words.details, ...centre.parts, ...category.parts, ...sub.parts, result, next);
	leave.push(...[centre, category, sub].map(l => () => l.set([])));
	centre.set((await call("GET", `master/center/fra/tur/${lang}`)).map(c => ({code: c.centerCode, name: c.centerName})));
};

const applicantForm = (number, change) => {
	const id = name => ({id: `${name}-${number}`}), upper = e => {
		const at = e.target.selectionStart;
		e.target.value = e.target.value.toUpperCase();
		e.target.setSelectionRange(at, at);
	};
	const gender = listbox("gender", words.gender, {...id("gender"), options: [{code: "M", name: words.male}, {code: "F", name: words.female}, {code: "X", name: words.other}]});
	const nationality = listbox("nationalityCode", words.nationality, {...id("nationalityCode"),
		options: [{code: "TUR", name: words.turkey}, {code: "DEU", name: words.germany}, {code: "KAZ", name: words.kazakhstan}]});
	const fields = {
		firstName: input("firstName", words.first, {...id("firstName"), on: {input: upper}}), lastName: input("lastName", words.last, {...id("lastName"), on: {input: upper}}),
		dateOfBirth: input("dateOfBirth", words.birth, {...id("dateOfBirth"), placeholder: "DD/MM/YYYY"}),
		passportNumber: input("passportNumber", words.passport, {...id("passportNumber"), on: {input: upper}}),
		passportExpirtyDate: input("passportExpirtyDate", words.expiry, {...id("passportExpirtyDate"), placeholder: "DD/MM/YYYY"}),
		dialCode: input("dialCode", words.dial, {...id("dialCode"), inputmode: "numeric"}),
		contactNumber: input("contactNumber", words.phone, {...id("contactNumber"), inputmode: "numeric"}),
		emailId: input("emailId", words.email, {...id("emailId"), type: "email"}),
	};
	const file = kept.image ? input("passportImage", words.image, {...id("passportImage"), type: "file", accept: "image/jpeg,image/png"}) : [];
	const order = [fields.firstName, fields.lastName, gender.parts, fields.dateOfBirth, nationality.parts, fields.passportNumber, fields.passportExpirtyDate,
		fields.dialCode, fields.contactNumber, fields.emailId, file];
	const box = h("fieldset", {class: "applicant", "data-applicant": String(number), on: {input: change, change}},
		h("legend", {}, `${words.applicant} ${number}`), ...order.flat());
	gender.change = nationality.change = change;
	return {
		box,
		whole: () => Object.values(fields).every(f => f[1].value) && gender.value && nationality.value && (!kept.image || file[1].files.length > 0),
		async value() {
			const all = Object.fromEntries(Object.entries(fields).map(([name, f]) => [name, f[1].value]));
			if (kept.image) {
				const form = new FormData();
				form.append("urn", kept.urn);
				form.append("file", file[1].files[0]);
				all.passportImage = (await call("POST", "appointment/document", form)).documentId;
			}
			return {...all, gender: gender.value, nationalityCode: nationality.value};
		},
	};
};

const yourDetails = async () => {
	const forms = [], box = h("div"), wait = h("p", {id: "save-wait", role: "status"}), left = () => Math.ceil((kept.waitUntil - Date.now()) / 1000);
	const save = button(words.save, acting(async () => {
		const list = [];
		for (const f of forms)
			list.push(await f.value());
		const data = await call("POST", "appointment/applicants", {urn: kept.urn, loginUser: kept.user, applicantList: list});
		keep({saved: data.applicants});
		saved();
	}), {id: "save", disabled: true});
	const check = () => { save.disabled = left() > 0 || !forms.every(f => f.whole()); };
	const add = () => {
		forms.push(applicantForm(forms.length + 1, check));
		box.append(forms.at(-1).box);
		another.disabled = forms.length === 5;
		check();
	};
	const another = button(words.another, add, {id: "add-another"});
	const tick = setInterval(() => {
		wait.textContent = left() > 0 ? words.wait(left()) : "";
		check();
	}, 200);
	show("your-details", words.yours, box, wait, another, save);
	leave.push(() => clearInterval(tick));
	add();
};

/* The applicants are kept: a code, where it is wanted, and on to the calendar. */
const saved = () => {
	const next = button(words.cont, acting(() => go("book-appointment")), {id: "continue", disabled: kept.otp});
	const box = h("div");
	if (kept.otp) {
		const field = input("applicantOtp", words.otp, {id: "applicant-otp", autocomplete: "one-time-code", inputmode: "numeric", maxlength: "6"});
		const verify = button(words.verify, acting(async () => {
			await call("POST", "appointment/applicantotp", {urn: kept.urn, loginUser: kept.user, OTPAction: "VALIDATE", OTP: field[1].value});
			box.replaceChildren(h("p", {id: "otp-verified"}, words.verified));
			next.disabled = false;
		}), {id: "verify-otp"});
		box.append(button(words.generate, acting(async () => {
			await call("POST", "appointment/applicantotp", {urn: kept.urn, loginUser: kept.user, OTPAction: "GENERATE"});
			box.replaceChildren(h("p", {}, words.otpSent), ...field, verify);
		}), {id: "generate-otp"}));
	}
	show("details-saved", words.yours, h("p", {}, words.saved), box, next);
};

/* Dates: DD/MM/YYYY goes out, MM/DD/YYYY comes back. */
const two = n => String(n).padStart(2, "0");
const dayFirst = d => `${two(d.day)}/${two(d.month)}/${d.year}`;
const readMonthFirst = text => {
	const [month, day, year] = text.slice(0, 10).split("/").map(Number);
	return {day, month, year};
};

const bookAppointment = async () => {
	const calendar = h("div", {id: "calendar"}), times = h("div", {id: "times"}), next = button(words.cont, acting(() => go("services")), {id: "continue", disabled: true});
	let month = kept.earliest ? readMonthFirst(kept.earliest) : {month: new Date().getMonth() + 1, year: new Date().getFullYear()};
	const select = (slot, date, b) => {
		times.querySelectorAll("button").forEach(o => { o.textContent = o.dataset.more ? o.textContent : words.select; });
		b.textContent = words.selected;
		keep({slot: {...slot, date}});
		next.disabled = false;
	};
	const day = acting(async date => {
		next.disabled = true;
		times.replaceChildren();
		const {slots} = await call("POST", "appointment/timeslot", {urn: kept.urn, slotDate: dayFirst(date), loginUser: kept.user});
		const more = button(words.more, () => load(), {id: "load-more", "data-more": "1"}), left = [...slots];
		const load = () => {
			more.remove();
			for (const slot of left.splice(0, 4)) {
				const b = button(words.select, () => select(slot, dayFirst(date), b));
				times.append(h("div", {class: "slot", "data-time": slot.slot}, h("span", {}, slot.slot), b));
			}
			if (left.length)
				times.append(more);
		};
		load();
	});
	const cell = (date, free) => {
		const label = `${date.day} ${words.months[date.month - 1]} ${date.year}`;
		return h("td", {role: "gridcell"}, free ?
			h("a", {class: "day free", role: "button", tabindex: "0", "aria-label": label, on: {click: () => day(date)}}, String(date.day)) :
			h("span", {class: "day full", "aria-label": label, "aria-disabled": "true"}, String(date.day)));
	};
	const weeks = free => {
		const rows = [], last = new Date(month.year, month.month, 0).getDate();
		let row = Array.from({length: (new Date(month.year, month.month - 1, 1).getDay() + 6) % 7}, () => h("td"));
		for (let n = 1; n <= last; n++) {
			row.push(cell({day: n, month: month.month, year: month.year}, free.has(n)));
			if (row.length === 7 || n === last) {
				rows.push(h("tr", {}, ...row));
				row = [];
			}
		}
		return rows;
	};
	const turn = step => acting(async () => {
		const at = new Date(month.year, month.month - 1 + step, 1);
		month = {month: at.getMonth() + 1, year: at.getFullYear()};
		await paint();
	});
	async function paint() {
		const {calendars} = await call("POST", "appointment/calendar", {urn: kept.urn, fromDate: dayFirst({...month, day: 1}), loginUser: kept.user});
		const free = new Set(calendars.map(c => readMonthFirst(c.date).day));
		times.replaceChildren();
		next.disabled = true;
		calendar.replaceChildren(button("‹", turn(-1), {"aria-label": words.previous}), h("h2", {id: "month"}, `${words.months[month.month - 1]} ${month.year}`),
			button("›", turn(1), {"aria-label": words.next}),
			h("table", {role: "grid"}, h("thead", {}, h("tr", {}, ...words.days.map(d => h("th", {}, d)))), h("tbody", {}, ...weeks(free))));
	}
	show("book-appointment", words.book, calendar, times, next);
	await paint();
};

const services = async () => {
	const box = h("div"), next = button(words.cont, acting(() => go("review-pay")), {id: "continue"});
	show("services", words.services, box, next);
	const list = (await call("POST", "vas/mapvas", {urn: kept.urn, loginUser: kept.user})).services;
	box.append(...list.map(s => h("label", {for: "service-" + s.code}, h("input", {type: "checkbox", id: "service-" + s.code, value: s.code}), ` ${s.name} (${s.price} EUR)`)));
};

const reviewPay = async () => {
	const main = show("review-pay", words.review);
	const fees = await call("POST", "appointment/fees", {urn: kept.urn, loginUser: kept.user});
	const boxes = ["terms", "privacy"].map(name => h("input", {type: "checkbox", id: "consent-" + name, formcontrolname: name,
		on: {change: () => { send_.disabled = !boxes.every(b => b.checked); }}}));
	const send_ = button(fees.isPaymentRequired ? words.pay : words.confirm, acting(async () => {
		const data = await call("POST", "appointment/schedule", {urn: kept.urn, allocationId: kept.slot.allocationId, slotDate: kept.slot.date, slot: kept.slot.slot,
			loginUser: kept.user, notificationType: "none", paymentdetails: {paymentmode: fees.isPaymentRequired ? "Online" : "Vac", amount: fees.totalAmount}});
		keep({ref: data.RequestRefNo, urn: null, slot: null});
		if (data.IsPaymentRequired)
			location.assign(data.URL);
		else if (data.IsAppointmentBooked)
			await go("confirmation", `?ref=${data.RequestRefNo}`);
		else
			refuse(0);
	}), {id: "confirm", disabled: true});
	main.append(h("p", {id: "chosen-time"}, `${kept.slot.date} ${kept.slot.slot}`), h("p", {id: "total"}, `${words.total}: ${fees.totalAmount} ${fees.currency}`),
		h("label", {for: "consent-terms"}, boxes[0], " " + words.terms), h("label", {for: "consent-privacy"}, boxes[1], " " + words.privacy), send_);
};

const confirmation = async () => {
	const ref = new URLSearchParams(location.search).get("ref") || kept.ref, back = button(words.back, acting(() => go("dashboard")), {id: "back"});
	if (!ref && kept.waitlist) {
		show("confirmation", words.confirmation, h("p", {id: "on-waitlist"}, words.waiting), back);
		return;
	}
	const main = show("confirmation", words.confirmation);
	const its = (await call("GET", "appointment/application")).applications.find(a => a.RequestRefNo === ref);
	if (!its) {
		alert_(words.wrong);
		return;
	}
	main.append(h("p", {id: "outcome", "data-status": its.status}, its.status === "Confirmed" ? words.done : words.pending),
		h("p", {}, words.reference + ": ", h("strong", {id: "reference-number"}, its.RequestRefNo)), h("p", {}, words.when + ": ", h("span", {id: "appointment-date"}, its.appointmentDate)),
		h("p", {}, words.time + ": ", h("span", {id: "appointment-time"}, its.appointmentTime)), h("p", {}, words.where + ": ", h("span", {id: "appointment-centre"}, its.centerName)), back);
};

/* Each screen, and what must have been done before it. */
const screens = {
	"login": [login, () => true], "dashboard": [dashboard, () => true], "application-detail": [applicationDetail, () => true],
	"your-details": [yourDetails, () => kept.urn], "book-appointment": [bookAppointment, () => kept.urn && kept.saved], "services": [services, () => kept.slot],
	"review-pay": [reviewPay, () => kept.urn && kept.slot], "confirmation": [confirmation, () => true],
};
const draw = acting(async () => {
	const name = location.pathname.slice(base.length).replace(/\/$/, "");
	const screen = screens[name];
	if (!screen)
		show("page-not-found", words.notHere);
	else if (!kept.in && name !== "login")
		await go("login");
	else if (kept.in && (name === "login" || !screen[1]()))
		await go("dashboard");
	else
		await screen[0]();
});

/* A page at rest ends its login by itself. */
let rest = 0;
const wake = () => {
	clearTimeout(rest);
	rest = setTimeout(acting(async () => {
		if (kept.in) {
			await send("POST", "user/logout", {});
			expired();
		}
	}), idle);
};
["click", "keydown", "input"].forEach(type => addEventListener(type, wake, true));
addEventListener("popstate", draw);
wake();
cookieBanner();
draw();
})();
