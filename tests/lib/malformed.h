/*
 * Requests that must be refused, with the status that each must get: from
 * the parser and router alone, and from the running service over a socket.
 * No row needs another byte before it can be judged.  The service is
 * configured as by default.
 */
#ifndef MALFORMED_H
#define MALFORMED_H

#include <stddef.h>

struct malformed {
	const char	*name;
	const char	*bytes;
	size_t		 len;
	int		 status;
};

#define R(name, bytes, status)	{ name, bytes, sizeof(bytes) - 1, status }

#define X16	"xxxxxxxxxxxxxxxx"
#define X240	X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
#define X256	X16 X240
#define X1K	X256 X256 X256 X256
#define X4K	X1K X1K X1K X1K
#define X8K	X4K X4K
#define X16K	X8K X8K

#define CR	"\r\n"
#define H	"Host: mirror.example" CR
#define H1	" HTTP/1.1" CR H
#define GET	"GET / HTTP/1.1" CR
#define GETH	GET H
#define SERVICE	"/yum/torrent_service/"
#define DIGEST	SERVICE "digest/da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define POST	"POST " DIGEST H1					      \
	"Content-Type: application/x-www-form-urlencoded" CR
#define CHUNKED	POST "Transfer-Encoding: chunked" CR CR
#define F8	"A: 1" CR "A: 1" CR "A: 1" CR "A: 1" CR			      \
	"A: 1" CR "A: 1" CR "A: 1" CR "A: 1" CR

static const struct malformed malformed_requests[] = {
	/* Not HTTP at all. */
	R("tls_hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
	R("tls_first_byte", "\x16", 400),
	R("nul_byte", "\0", 400),
	R("nul_request", "\0GET / HTTP/1.1" CR H CR, 400),
	R("binary", "\xff\xfe\x00\x01", 400),
	R("ssh_banner", "SSH-2.0-OpenSSH_9.2" CR, 400),
	R("smtp", "EHLO mirror.example" CR, 400),
	R("socks5", "\x05\x01\x00", 400),
	R("socks4", "\x04\x01\x00\x50\x7f\x00\x00\x01\x00", 400),
	R("proxy_v1", "PROXY TCP4 127.0.0.1 127.0.0.1 1 2" CR GETH CR, 400),
	R("proxy_v2", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", 400),
	R("bittorrent", "\x13" "BitTorrent protocol", 400),
	R("utf8_bom", "\xef\xbb\xbfGET / HTTP/1.1" CR H CR, 400),
	R("line_feed_first", "\n", 400),
	R("tab_first", "\tGET / HTTP/1.1" CR H CR, 400),
	R("blank_first", " GET / HTTP/1.1" CR H CR, 400),
	R("two_empty_lines", CR CR GETH CR, 400),
	R("cr_first", "\rGET / HTTP/1.1" CR H CR, 400),
	R("empty_line_lf", "\nGET / HTTP/1.1" CR H CR, 400),
	R("escape_codes", "\033[2J\033[H", 400),
	R("rtsp", "OPTIONS / RTSP/1.0" CR "CSeq: 1" CR CR, 400),
	R("icap", "OPTIONS / ICAP/1.0" CR H CR, 400),

	/* The method. */
	R("no_method", " / HTTP/1.1" CR H CR, 400),
	R("method_only", "GET" CR CR, 400),
	R("method_with_colon", "GET: / HTTP/1.1" CR H CR, 400),
	R("method_with_paren", "G(T / HTTP/1.1" CR H CR, 400),
	R("method_with_slash", "GE/T / HTTP/1.1" CR H CR, 400),
	R("method_with_nul", "G\0T / HTTP/1.1" CR H CR, 400),
	R("method_with_quote", "\"GET\" / HTTP/1.1" CR H CR, 400),
	R("method_8bit", "G\xc3\x89T / HTTP/1.1" CR H CR, 400),
	R("method_tab_target", "GET\t/ HTTP/1.1" CR H CR, 400),
	R("method_unknown", "BREW /" H1 CR, 405),
	R("method_lower_case", "get /" H1 CR, 405),
	R("method_mixed_case", "Get /" H1 CR, 405),
	R("method_four_letters", "PAST " DIGEST H1 CR, 405),
	R("method_prefix", "GETX /" H1 CR, 405),
	R("method_put", "PUT " SERVICE "single/yum/a" H1 CR, 405),
	R("method_delete", "DELETE " DIGEST H1 CR, 405),
	R("method_trace", "TRACE /" H1 CR, 405),
	R("method_post_single", "POST " SERVICE "single/yum/a" H1
	    "Content-Length: 0" CR CR, 405),
	R("method_post_simple", "POST " SERVICE "simple/yum/a" H1 CR, 405),
	R("method_post_nullfile", "POST " SERVICE "nullfile/1_0" H1 CR, 405),
	R("method_post_root", "POST /" H1 CR, 405),
	R("method_put_digest", "PUT " DIGEST H1 "Content-Length: 0" CR CR,
	    405),
	R("method_long", X8K " / HTTP/1.1" CR H CR, 414),

	/* The target. */
	R("no_target", "GET  HTTP/1.1" CR H CR, 400),
	R("no_target_no_blank", "GET HTTP/1.1" CR H CR, 400),
	R("two_blanks", "GET  / HTTP/1.1" CR H CR, 400),
	R("blank_in_target", "GET /a b HTTP/1.1" CR H CR, 400),
	R("tab_in_target", "GET /a\tb HTTP/1.1" CR H CR, 400),
	R("nul_in_target", "GET /a\0b HTTP/1.1" CR H CR, 400),
	R("escape_in_target", "GET /a\033b HTTP/1.1" CR H CR, 400),
	R("del_in_target", "GET /a\177b HTTP/1.1" CR H CR, 400),
	R("8bit_target", "GET /\xc3\xa4 HTTP/1.1" CR H CR, 400),
	R("8bit_query", "GET /?\xe4 HTTP/1.1" CR H CR, 400),
	R("vertical_tab_in_target", "GET /a\vb HTTP/1.1" CR H CR, 400),
	R("cr_in_target", "GET /a\rb HTTP/1.1" CR H CR, 400),
	R("lf_in_target", "GET /a\nb HTTP/1.1" CR H CR, 400),
	R("fragment", "GET /a#b HTTP/1.1" CR H CR, 400),
	R("fragment_in_query", "GET /?a#b HTTP/1.1" CR H CR, 400),
	R("absolute_other_host", "GET http://other.example/" H1 CR, 400),
	R("absolute_longer_host", "GET http://mirror.example.org/" H1 CR, 400),
	R("absolute_other_port", "GET http://mirror.example:81/" H1 CR, 400),
	R("absolute_https_port", "GET http://mirror.example:443/" H1 CR, 400),
	R("absolute_user", "GET http://u@mirror.example/" H1 CR, 400),
	R("absolute_password", "GET http://u:p@mirror.example/" H1 CR, 400),
	R("absolute_user_empty", "GET http://@mirror.example/" H1 CR, 400),
	R("absolute_user_of_other", "GET http://mirror.example@x/" H1 CR, 400),
	R("absolute_no_host", "GET http:///yum" H1 CR, 400),
	R("absolute_nothing", "GET http://" H1 CR, 400),
	R("absolute_port_alone", "GET http://:80/" H1 CR, 400),
	R("absolute_port_zero", "GET http://mirror.example:0/" H1 CR, 400),
	R("absolute_one_slash", "GET http:/mirror.example/" H1 CR, 400),
	R("absolute_escaped_host", "GET http://mirror%2eexample/" H1 CR, 400),
	R("absolute_backslash", "GET http://mirror.example\\/" H1 CR, 400),
	R("absolute_ftp", "GET ftp://mirror.example/" H1 CR, 400),
	R("absolute_fragment", "GET http://mirror.example/#a" H1 CR, 400),
	R("absolute_dots", "GET http://mirror.example/../" H1 CR, 400),
	R("absolute_without_host", "GET http://mirror.example/ HTTP/1.1" CR
	    CR, 400),
	R("absolute_bad_host_1_0", "GET http://a@b/ HTTP/1.0" CR CR, 400),
	R("authority_form", "CONNECT mirror.example:443" H1 CR, 400),
	R("asterisk_twice", "OPTIONS **" H1 CR, 400),
	R("asterisk_slash", "OPTIONS */" H1 CR, 400),
	R("asterisk_without_host", "OPTIONS * HTTP/1.1" CR CR, 400),
	R("options_path", "OPTIONS /../" H1 CR, 400),
	R("options_unknown", "OPTIONS " SERVICE "multi/a" H1 CR, 404),
	R("asterisk_get", "GET *" H1 CR, 400),
	R("relative", "GET yum/" H1 CR, 400),
	R("query_alone", "GET ?p=/a" H1 CR, 400),
	R("backslash", "GET \\yum" H1 CR, 400),
	R("escaped_slash_first", "GET %2fyum" H1 CR, 400),
	R("line_8193", "GET /" X4K X1K X1K X1K X256 X256 X256 X240 "x" H1 CR,
	    414),
	R("line_endless", "GET /" X8K, 414),
	R("query_endless", "GET /?p=" X8K X8K, 414),

	/* The version. */
	R("http_0_9", "GET /" CR, 400),
	R("http_0_9_lf", "GET /\n", 400),
	R("version_empty", "GET / " CR H CR, 400),
	R("version_cut", "GET / HTTP/1" CR H CR, 400),
	R("version_dot", "GET / HTTP/1." CR H CR, 400),
	R("version_no_dot", "GET / HTTP/11" CR H CR, 400),
	R("version_comma", "GET / HTTP/1,1" CR H CR, 400),
	R("version_lower_case", "GET / http/1.1" CR H CR, 400),
	R("version_two_digits", "GET / HTTP/1.10" CR H CR, 400),
	R("version_two_digits_major", "GET / HTTP/01.1" CR H CR, 400),
	R("version_sign", "GET / HTTP/+1.1" CR H CR, 400),
	R("version_letters", "GET / HTTP/x.y" CR H CR, 400),
	R("version_major_letter", "GET / HTTP/a.1" CR H CR, 400),
	R("version_major_sign", "GET / HTTP//.1" CR H CR, 400),
	R("version_minor_letter", "GET / HTTP/1.a" CR H CR, 400),
	R("version_minor_sign", "GET / HTTP/1./" CR H CR, 400),
	R("version_other_name", "GET / HTTQ/1.1" CR H CR, 400),
	R("version_https", "GET / HTTPS/1.1" CR H CR, 400),
	R("version_blank_after", "GET / HTTP/1.1 " CR H CR, 400),
	R("version_tab_after", "GET / HTTP/1.1\t" CR H CR, 400),
	R("version_word_after", "GET / HTTP/1.1 x" CR H CR, 400),
	R("version_nul_after", "GET / HTTP/1.1\0" CR H CR, 400),
	R("version_two_blanks_before", "GET /  HTTP/1.1" CR H CR, 400),
	R("version_tab_before", "GET /\tHTTP/1.1" CR H CR, 400),
	R("version_0_9", "GET / HTTP/0.9" CR H CR, 505),
	R("version_1_2", "GET / HTTP/1.2" CR H CR, 505),
	R("version_1_9", "GET / HTTP/1.9" CR H CR, 505),
	R("version_2_0", "GET / HTTP/2.0" CR H CR, 505),
	R("version_3_0", "GET / HTTP/3.0" CR H CR, 505),
	R("version_9_9", "GET / HTTP/9.9" CR H CR, 505),
	R("http2_preface", "PRI * HTTP/2.0" CR CR "SM" CR CR, 505),

	/* Line ends. */
	R("lf_request_line", "GET / HTTP/1.1\n" H CR, 400),
	R("lf_field", GET "Host: mirror.example\n" CR, 400),
	R("lf_empty_line", GETH "\n", 400),
	R("lf_everywhere", "GET / HTTP/1.1\nHost: mirror.example\n\n", 400),
	R("cr_request_line", "GET / HTTP/1.1\rHost: mirror.example" CR CR,
	    400),
	R("cr_field", GETH "A: b\rC: d" CR CR, 400),
	R("cr_at_value_end", GETH "A: b\r" CR CR, 400),
	R("cr_for_empty_line", GETH "\rA: b" CR CR, 400),
	R("cr_cr_lf", "GET / HTTP/1.1\r" CR H CR, 400),
	R("lf_cr", "GET / HTTP/1.1\n\rHost: mirror.example\n\r\n\r", 400),
	R("lf_in_value", GETH "A: b\nContent-Length: 5" CR CR, 400),

	/* Fields. */
	R("fold_blank", GETH "A: b" CR " c" CR CR, 400),
	R("fold_tab", GETH "A: b" CR "\tc" CR CR, 400),
	R("fold_host", GET "Host:" CR " mirror.example" CR CR, 400),
	R("fold_first", GET " " H CR, 400),
	R("fold_empty", GETH " " CR CR, 400),
	R("blank_before_colon", GET "Host : mirror.example" CR CR, 400),
	R("tab_before_colon", GET "Host\t: mirror.example" CR CR, 400),
	R("length_blank_before_colon", POST "Content-Length : 3" CR CR "p=/",
	    400),
	R("chunked_blank_before_colon", POST "Transfer-Encoding : chunked" CR
	    CR "0" CR CR, 400),
	R("blank_in_name", GETH "A b: c" CR CR, 400),
	R("no_colon", GETH "Accept" CR CR, 400),
	R("no_name", GETH ": value" CR CR, 400),
	R("colon_alone", GETH ":" CR CR, 400),
	R("name_nul", GETH "A\0b: c" CR CR, 400),
	R("name_control", GETH "A\001b: c" CR CR, 400),
	R("name_8bit", GETH "\xc3\x84: c" CR CR, 400),
	R("name_slash", GETH "A/b: c" CR CR, 400),
	R("name_paren", GETH "A(b): c" CR CR, 400),
	R("name_quoted", GETH "\"A\": c" CR CR, 400),
	R("name_brackets", GETH "A[0]: c" CR CR, 400),
	R("name_equals", GETH "A=b: c" CR CR, 400),
	R("name_at", GETH "A@b: c" CR CR, 400),
	R("name_del", GETH "A\177: c" CR CR, 400),
	R("value_nul", GETH "A: b\0c" CR CR, 400),
	R("value_control", GETH "A: b\001c" CR CR, 400),
	R("value_escape", GETH "User-Agent: \033[31mred" CR CR, 400),
	R("value_del", GETH "A: b\177" CR CR, 400),
	R("value_vertical_tab", GETH "A: b\vc" CR CR, 400),
	R("value_form_feed", GETH "A: \f" CR CR, 400),
	R("value_backspace", GETH "Referer: a\bb" CR CR, 400),
	R("fields_65", GETH F8 F8 F8 F8 F8 F8 F8 F8 CR, 431),
	R("header_endless", GETH "A: " X16K, 431),
	R("header_name_endless", GETH X16K, 431),
	R("header_many_long", GETH "A: " X4K CR "B: " X4K CR "C: " X4K CR
	    "D: " X4K CR CR, 431),

	/* Host. */
	R("host_missing", GET CR, 400),
	R("host_twice", GETH H CR, 400),
	R("host_twice_1_0", "GET / HTTP/1.0" CR H H CR, 400),
	R("host_twice_different", GETH "Host: other.example" CR CR, 400),
	R("host_twice_case", GETH "hOST: mirror.example" CR CR, 400),
	R("host_empty", GET "Host:" CR CR, 400),
	R("host_empty_1_0", "GET / HTTP/1.0" CR "Host: " CR CR, 400),
	R("host_blanks", GET "Host: \t " CR CR, 400),
	R("host_list", GET "Host: a.example, b.example" CR CR, 400),
	R("host_two_words", GET "Host: a.example b.example" CR CR, 400),
	R("host_user", GET "Host: user@mirror.example" CR CR, 400),
	R("host_percent", GET "Host: mirror%2eexample" CR CR, 400),
	R("host_path", GET "Host: mirror.example/yum" CR CR, 400),
	R("host_url", GET "Host: http://mirror.example" CR CR, 400),
	R("host_query", GET "Host: mirror.example?x" CR CR, 400),
	R("host_fragment", GET "Host: mirror.example#x" CR CR, 400),
	R("host_backslash", GET "Host: mirror.example\\x" CR CR, 400),
	R("host_quote", GET "Host: \"mirror.example\"" CR CR, 400),
	R("host_markup", GET "Host: <b>" CR CR, 400),
	R("host_8bit", GET "Host: m\xc3\xafrror.example" CR CR, 400),
	R("host_dot", GET "Host: ." CR CR, 400),
	R("host_dot_first", GET "Host: .example" CR CR, 400),
	R("host_two_dots", GET "Host: mirror..example" CR CR, 400),
	R("host_long", GET "Host: " X256 CR CR, 400),
	R("host_two_colons", GET "Host: mirror.example::" CR CR, 400),
	R("host_colon", GET "Host: :" CR CR, 400),
	R("host_two_dots_last", GET "Host: mirror.example.." CR CR, 400),
	R("host_port_zero", GET "Host: mirror.example:0" CR CR, 400),
	R("host_port_65536", GET "Host: mirror.example:65536" CR CR, 400),
	R("host_port_six_digits", GET "Host: mirror.example:000080" CR CR,
	    400),
	R("host_port_name", GET "Host: mirror.example:http" CR CR, 400),
	R("host_port_sign", GET "Host: mirror.example:-1" CR CR, 400),
	R("host_port_twice", GET "Host: mirror.example:80:80" CR CR, 400),
	R("host_port_alone", GET "Host: :80" CR CR, 400),
	R("host_ipv6_bare", GET "Host: ::1" CR CR, 400),
	R("host_ipv6_open", GET "Host: [::1" CR CR, 400),
	R("host_ipv6_closed", GET "Host: ::1]" CR CR, 400),
	R("host_ipv6_empty", GET "Host: []" CR CR, 400),
	R("host_ipv6_name", GET "Host: [mirror]" CR CR, 400),
	R("host_ipv6_zone", GET "Host: [fe80::1%25eth0]" CR CR, 400),
	R("host_ipv6_long", GET "Host: [1:2:3:4:5:6:7:8:9]" CR CR, 400),
	R("host_ipv6_tail", GET "Host: [::1]x" CR CR, 400),
	R("host_ipv6_dot", GET "Host: [::1]." CR CR, 400),
	R("host_ipvfuture", GET "Host: [v1.x]" CR CR, 400),

	/* Framing. */
	R("length_empty", POST "Content-Length:" CR CR, 400),
	R("length_plus", POST "Content-Length: +3" CR CR "p=/", 400),
	R("length_minus", POST "Content-Length: -3" CR CR, 400),
	R("length_hex", POST "Content-Length: 0x3" CR CR "p=/", 400),
	R("length_fraction", POST "Content-Length: 3.0" CR CR "p=/", 400),
	R("length_exponent", POST "Content-Length: 3e0" CR CR "p=/", 400),
	R("length_word", POST "Content-Length: three" CR CR, 400),
	R("length_blank_inside", POST "Content-Length: 3 3" CR CR, 400),
	R("length_list_same", POST "Content-Length: 3, 3" CR CR "p=/", 400),
	R("length_list", POST "Content-Length: 3,4" CR CR "p=/", 400),
	R("length_twice_same", POST "Content-Length: 3" CR
	    "Content-Length: 3" CR CR "p=/", 400),
	R("length_twice", POST "Content-Length: 3" CR
	    "Content-Length: 40" CR CR "p=/", 400),
	R("length_twice_case", POST "Content-Length: 3" CR
	    "content-length: 3" CR CR "p=/", 400),
	R("length_19_digits", POST "Content-Length: 0000000000000000003" CR CR
	    "p=/", 400),
	R("length_overflow", POST "Content-Length: 18446744073709551617" CR
	    CR, 400),
	R("length_8bit_digits", POST "Content-Length: \xd9\xa3" CR CR, 400),
	R("length_quoted", POST "Content-Length: \"3\"" CR CR "p=/", 400),
	R("get_with_body", GETH "Content-Length: 3" CR CR "p=/", 400),
	R("head_with_body", "HEAD /" H1 "Content-Length: 3" CR CR "p=/", 400),
	R("get_smuggled", GETH "Content-Length: 44" CR CR
	    "GET /x HTTP/1.1" CR "Host: other.example" CR CR, 400),
	R("chunked_get", GETH "Transfer-Encoding: chunked" CR CR "0" CR CR,
	    400),
	R("chunked_get_body", GETH "tRANSFER-eNCODING: cHUNKED" CR CR "3" CR
	    "p=/" CR "0" CR CR, 400),
	R("chunked_head", "HEAD /" H1 "Transfer-Encoding: chunked" CR CR "0"
	    CR CR, 400),
	R("chunked_vertical_tab", POST "Transfer-Encoding: \vchunked" CR CR,
	    400),
	R("chunked_unknown", POST "Transfer-Encoding: xchunked" CR CR, 501),
	R("chunked_identity", POST "Transfer-Encoding: identity" CR CR, 501),
	R("coding_gzip", POST "Transfer-Encoding: gzip" CR CR, 501),
	R("coding_parameter", POST "Transfer-Encoding: gzip;a=b" CR CR, 501),
	R("chunked_empty", POST "Transfer-Encoding:" CR CR, 400),
	R("chunked_gzip", POST "Transfer-Encoding: gzip, chunked" CR CR, 400),
	R("chunked_then_gzip", POST "Transfer-Encoding: chunked, gzip" CR CR,
	    400),
	R("chunked_twice", POST "Transfer-Encoding: chunked" CR
	    "Transfer-Encoding: chunked" CR CR, 400),
	R("chunked_and_identity", POST "Transfer-Encoding: chunked" CR
	    "Transfer-Encoding: identity" CR CR, 400),
	R("identity_and_chunked", POST "Transfer-Encoding: identity" CR
	    "Transfer-Encoding: chunked" CR CR, 400),
	R("chunked_and_empty", POST "Transfer-Encoding: chunked" CR
	    "Transfer-Encoding:" CR CR, 400),
	R("chunked_list_twice", POST "Transfer-Encoding: chunked,chunked" CR
	    CR, 400),
	R("chunked_comma", POST "Transfer-Encoding: chunked," CR CR, 400),
	R("comma_chunked", POST "Transfer-Encoding: ,chunked" CR CR, 400),
	R("chunked_parameter", POST "Transfer-Encoding: chunked;a=b" CR CR,
	    400),
	R("chunked_word", POST "Transfer-Encoding: chunked x" CR CR, 400),
	R("chunked_quoted", POST "Transfer-Encoding: \"chunked\"" CR CR, 400),
	R("chunked_semicolon", POST "Transfer-Encoding: ;chunked" CR CR, 400),
	R("chunked_then_length", POST "Transfer-Encoding: chunked" CR
	    "Content-Length: 3" CR CR "p=/", 400),
	R("length_then_chunked", POST "Content-Length: 3" CR
	    "Transfer-Encoding: chunked" CR CR "p=/", 400),
	R("length_zero_chunked", POST "Content-Length: 0" CR
	    "Transfer-Encoding: chunked" CR CR, 400),
	R("chunked_1_0", "POST " DIGEST " HTTP/1.0" CR H
	    "Transfer-Encoding: chunked" CR CR "0" CR CR, 400),

	/* Chunks. */
	R("chunk_no_size", CHUNKED CR, 400),
	R("chunk_blank_first", CHUNKED " 3" CR, 400),
	R("chunk_blank_after", CHUNKED "3 " CR, 400),
	R("chunk_plus", CHUNKED "+3" CR, 400),
	R("chunk_minus", CHUNKED "-3" CR, 400),
	R("chunk_0x", CHUNKED "0x3" CR, 400),
	R("chunk_letter", CHUNKED "g" CR, 400),
	R("chunk_nul", CHUNKED "3\0" CR, 400),
	R("chunk_9_digits", CHUNKED "000000003" CR, 400),
	R("chunk_17_digits", CHUNKED "10000000000000003" CR, 400),
	R("chunk_lf", CHUNKED "3\n", 400),
	R("chunk_cr", CHUNKED "3\rp", 400),
	R("chunk_line_257", CHUNKED "3;" X256, 400),
	R("chunk_ext_empty", CHUNKED "3;" CR, 400),
	R("chunk_ext_no_name", CHUNKED "3;=a" CR, 400),
	R("chunk_ext_no_value", CHUNKED "3;a=" CR, 400),
	R("chunk_ext_open_quote", CHUNKED "3;a=\"b" CR, 400),
	R("chunk_ext_lf_in_quotes", CHUNKED "3;a=\"\n\"" CR, 400),
	R("chunk_ext_lf", CHUNKED "3;a\n", 400),
	R("chunk_ext_nul", CHUNKED "3;a\0" CR, 400),
	R("chunk_ext_no_semicolon", CHUNKED "3 a" CR, 400),
	R("chunk_too_short", CHUNKED "3" CR "p=" CR "0", 400),
	R("chunk_too_long", CHUNKED "3" CR "p=/a", 400),
	R("chunk_data_lf", CHUNKED "3" CR "p=/\n", 400),
	R("chunk_data_cr", CHUNKED "3" CR "p=/\r0", 400),
	R("chunk_second_bad", CHUNKED "3" CR "p=/" CR "x" CR, 400),
	R("chunk_second_empty", CHUNKED "3" CR "p=/" CR CR, 400),
	R("chunk_last_lf", CHUNKED "0\n", 400),
	R("chunk_end_lf", CHUNKED "0" CR "\n", 400),
	R("chunk_end_cr", CHUNKED "0" CR "\rG", 400),
	R("chunk_body_alone", CHUNKED "p=/a", 400),
	R("chunk_too_large", CHUNKED "200001" CR, 413),
	R("chunk_huge", CHUNKED "ffffffff" CR, 413),
	R("chunk_large_sum", CHUNKED "3" CR "p=/" CR "1ffffe" CR, 413),
	R("trailer_no_colon", CHUNKED "0" CR "A" CR CR, 400),
	R("trailer_no_name", CHUNKED "0" CR ": b" CR CR, 400),
	R("trailer_blank_before_colon", CHUNKED "0" CR "A : b" CR CR, 400),
	R("trailer_fold", CHUNKED "0" CR "A: b" CR " c" CR CR, 400),
	R("trailer_lf", CHUNKED "0" CR "A: b\n", 400),
	R("trailer_cr", CHUNKED "0" CR "A: b\rc", 400),
	R("trailer_nul", CHUNKED "0" CR "A: \0" CR CR, 400),
	R("trailer_request", CHUNKED "0" CR GETH CR, 400),
	R("trailer_endless", CHUNKED "0" CR "A: " X16K, 431),
	R("trailer_65", CHUNKED "0" CR F8 F8 F8 F8 F8 F8 F8 F8 "A", 431),
	R("chunked_digest_wrong", CHUNKED "4" CR "p=/a" CR "0" CR CR, 400),
	R("chunked_form_dots", CHUNKED "4" CR "p=/." CR "1" CR "." CR "0" CR
	    CR, 400),
	R("chunked_single", "POST " SERVICE "single/yum/a" H1
	    "Transfer-Encoding: chunked" CR CR "0" CR CR, 405),

	/* Expectations, lists, repeats. */
	R("expect_other", POST "Expect: 200-ok" CR CR, 417),
	R("expect_empty", POST "Expect:" CR CR, 417),
	R("expect_list", POST "Expect: 100-continue, other" CR CR, 417),
	R("expect_second", POST "Expect: 100-continue" CR "Expect: other" CR
	    CR, 417),
	R("expect_parameter", POST "Expect: 100-continue; x=y" CR CR, 417),
	R("connection_two_words", GETH "Connection: close now" CR CR, 400),
	R("connection_parameter", GETH "Connection: keep-alive;x" CR CR, 400),
	R("connection_quoted", GETH "Connection: \"close\"" CR CR, 400),
	R("range_twice", GETH "Range: bytes=0-1" CR "Range: bytes=0-1" CR CR,
	    400),
	R("if_range_twice", GETH "If-Range: \"a\"" CR "If-Range: \"b\"" CR CR,
	    400),
	R("if_none_match_twice", GETH "If-None-Match: \"a\"" CR
	    "If-None-Match: \"b\"" CR CR, 400),
	R("if_modified_since_twice", GETH
	    "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT" CR
	    "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT" CR CR, 400),
	R("content_type_twice", POST "Content-Type: text/plain" CR CR, 400),

	/* Paths. */
	R("path_escape_cut", "GET /%" H1 CR, 400),
	R("path_escape_one_digit", "GET /%4" H1 CR, 400),
	R("path_escape_letters", "GET /%zz" H1 CR, 400),
	R("path_escape_second_letter", "GET /%4g" H1 CR, 400),
	R("path_escape_sign", "GET /%+1" H1 CR, 400),
	R("path_escape_at_query", "GET /%4?1" H1 CR, 400),
	R("path_escape_16_bit", "GET /%u002e" H1 CR, 400),
	R("path_nul", "GET /a%00b" H1 CR, 400),
	R("path_line_feed", "GET /a%0ab" H1 CR, 400),
	R("path_cr_lf", "GET /a%0D%0ASet-Cookie:x" H1 CR, 400),
	R("path_control", "GET /a%1fb" H1 CR, 400),
	R("path_del", "GET /a%7Fb" H1 CR, 400),
	R("path_dot_dots", "GET /./.." H1 CR, 400),
	R("path_dots_dot", "GET /.././a" H1 CR, 400),
	R("path_dots", "GET /../etc/passwd" H1 CR, 400),
	R("path_dots_last", "GET /a/.." H1 CR, 400),
	R("path_dots_slash", "GET /a/../" H1 CR, 400),
	R("path_dots_escaped", "GET /%2e%2E/etc/passwd" H1 CR, 400),
	R("path_dots_half_escaped", "GET /.%2e/etc/passwd" H1 CR, 400),
	R("path_dots_escaped_slash", "GET /a%2f..%2fb" H1 CR, 400),
	R("path_dots_service", "GET /yum/../yum/torrent_service/single/yum/a"
	    H1 CR, 400),
	R("single_dots", "GET " SERVICE "single/../../etc/passwd" H1 CR, 400),
	R("single_dots_many_slashes", "GET " SERVICE "single//..//a" H1 CR,
	    400),
	R("single_dots_head", "HEAD " SERVICE "single/%2e%2e/a" H1 CR, 400),
	R("single_slash_last", "GET " SERVICE "single/yum/" H1 CR, 400),
	R("single_none", "GET " SERVICE "single/" H1 CR, 404),
	R("single_none_no_slash", "GET " SERVICE "single" H1 CR, 404),
	R("simple_none", "GET " SERVICE "simple/?x" H1 CR, 404),
	R("single_4096", "GET " SERVICE "single/" X1K X1K X1K X256 X256 X256
	    X240 "xxxxxxxxxxxxxxx" H1 CR, 414),
	R("service_alone", "GET /yum/torrent_service" H1 CR, 404),
	R("service_slash", "GET /yum/torrent_service/" H1 CR, 404),
	R("service_unknown", "GET " SERVICE "multi/yum/a" H1 CR, 404),
	R("service_case", "GET " SERVICE "Single/yum/a" H1 CR, 404),
	R("service_prefix", "GET " SERVICE "singles/yum/a" H1 CR, 404),
	R("service_escaped_unknown", "GET /yum/torrent%5Fservice/x" H1 CR,
	    404),
	R("digest_none", "GET " SERVICE "digest/" H1 CR, 400),
	R("digest_none_no_slash", "GET " SERVICE "digest" H1 CR, 400),
	R("digest_short", "GET " SERVICE
	    "digest/da39a3ee5e6b4b0d3255bfef95601890afd8070" H1 CR, 400),
	R("digest_long", "GET " DIGEST "0" H1 CR, 400),
	R("digest_upper_case", "GET " SERVICE
	    "digest/DA39A3EE5E6B4B0D3255BFEF95601890AFD80709" H1 CR, 400),
	R("digest_not_hex", "GET " SERVICE
	    "digest/ga39a3ee5e6b4b0d3255bfef95601890afd80709" H1 CR, 400),
	R("digest_slash_last", "GET " DIGEST "/" H1 CR, 400),
	R("digest_component_after", "GET " DIGEST "/x" H1 CR, 400),
	R("nullfile_none", "GET " SERVICE "nullfile/" H1 CR, 400),
	R("nullfile_word", "GET " SERVICE "nullfile/x_0" H1 CR, 400),
	R("nullfile_minus", "GET " SERVICE "nullfile/-1_0" H1 CR, 400),
	R("nullfile_plus", "GET " SERVICE "nullfile/+1_0" H1 CR, 400),
	R("nullfile_blank", "GET " SERVICE "nullfile/%201_0" H1 CR, 400),
	R("nullfile_blank_last", "GET " SERVICE "nullfile/1%20" H1 CR, 400),
	R("nullfile_hex", "GET " SERVICE "nullfile/0x10_0" H1 CR, 400),
	R("nullfile_k_empty", "GET " SERVICE "nullfile/1_" H1 CR, 400),
	R("nullfile_k_word", "GET " SERVICE "nullfile/1_a" H1 CR, 400),
	R("nullfile_k_twice", "GET " SERVICE "nullfile/1_0_0" H1 CR, 400),
	R("nullfile_no_number", "GET " SERVICE "nullfile/_0" H1 CR, 400),
	R("nullfile_slash_last", "GET " SERVICE "nullfile/1_0/" H1 CR, 400),
	R("nullfile_fraction", "GET " SERVICE "nullfile/1.5_0" H1 CR, 400),
	R("nullfile_too_long", "GET " SERVICE "nullfile/1048577_0" H1 CR,
	    403),
	R("nullfile_overflow", "GET " SERVICE
	    "nullfile/18446744073709551616_0" H1 CR, 403),
	R("nullfile_overflow_32", "GET " SERVICE "nullfile/4294967297_0" H1
	    CR, 403),

	/* Forms: as a query, which is the same without a body, and posted. */
	R("query_escape", "GET " DIGEST "?p=%zz" H1 CR, 400),
	R("query_escape_cut", "GET " DIGEST "?p=/a%4" H1 CR, 400),
	R("query_escape_after_good", "GET " DIGEST "?p=/a&p=/b%" H1 CR, 400),
	R("query_nul", "GET " DIGEST "?p=/a%00b" H1 CR, 400),
	R("query_line_feed", "GET " DIGEST "?p=/a%0a/b" H1 CR, 400),
	R("query_del", "GET " DIGEST "?p=/a%7f" H1 CR, 400),
	R("query_no_slash", "GET " DIGEST "?p=yum/a" H1 CR, 400),
	R("query_blank", "GET " DIGEST "?p=+" H1 CR, 400),
	R("query_slash_alone", "GET " DIGEST "?p=/" H1 CR, 400),
	R("query_two_slashes", "GET " DIGEST "?p=/yum//a" H1 CR, 400),
	R("query_slash_last", "GET " DIGEST "?p=/yum/" H1 CR, 400),
	R("query_dot_last", "GET " DIGEST "?p=/yum/." H1 CR, 400),
	R("query_dot_alone", "GET " DIGEST "?p=/." H1 CR, 400),
	R("query_dot_dots", "GET " DIGEST "?p=/./../a" H1 CR, 400),
	R("query_dots", "GET " DIGEST "?p=/yum/../../etc/passwd" H1 CR, 400),
	R("query_dots_escaped", "GET " DIGEST "?p=%2fyum%2f%2e%2e" H1 CR, 400),
	R("query_4096", "GET " DIGEST "?p=/" X4K H1 CR, 400),
	R("form_no_p", POST "Content-Length: 9" CR CR "q=/yum/ab", 400),
	R("form_no_field", POST "Content-Length: 1" CR CR "&", 400),
	R("form_json", POST "Content-Length: 9" CR CR "[\"/yum/a\"", 400),
	R("form_p_escaped_badly", POST "Content-Length: 6" CR CR "%7=/ab",
	    400),
	R("form_escape", POST "Content-Length: 5" CR CR "p=%zz", 400),
	R("form_nul", POST "Content-Length: 5" CR CR "p=/\0a", 400),
	R("form_line_end", POST "Content-Length: 6" CR CR "p=/a" CR, 400),
	R("form_no_slash", POST "Content-Length: 3" CR CR "p=a", 400),
	R("form_dots", POST "Content-Length: 7" CR CR "p=/a/..", 400),
};

#undef R
#undef X16
#undef X240
#undef X256
#undef X1K
#undef X4K
#undef X8K
#undef X16K
#undef CR
#undef H
#undef H1
#undef GET
#undef GETH
#undef SERVICE
#undef DIGEST
#undef POST
#undef CHUNKED
#undef F8

#endif
