# Certificate authorities and certificates of our own.

# authority NAME: NAME.key and NAME.pem
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -subj "/CN=Test CA" -days 10 \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
}
# certificate NAME AUTHORITY HOST DAYS [MORE]: MORE as subjectAltName has it
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$3" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -out "$1.pem" -days "$4" \
		-extfile <(echo "subjectAltName=DNS:$3${5:+,$5}") 2>/dev/null
}
