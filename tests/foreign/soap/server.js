// A partner's SOAP server, written with npm `soap` and without knowledge of the hub. It keeps the newest version of each
// key, knows callers by a WS-Security UsernameToken, and lists what it holds in pages. What changed at its own side since a
// moment it tells by another operation, in numbered pages.
//
// On its standard output: its port. On /thu-nghiem, for the tests: POST the faults for the next calls, values to be changed
// or rows of its own, GET the store.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const soap = require('soap')

const USER = 'tinh-lai-chau'
const PASSWORD = process.env.MAT_KHAU
const NIL = { attributes: { 'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance', 'xsi:nil': 'true' } }
const KNOWN = /^YT\d\d$/

const store = new Map() // key -> { version, rows }
const messages = new Map() // message id -> result code
const own = [] // rows of its own, each with the moment of its change
let applied = 0
const keys = [] // message ids that were applied, in order
let faults = []

const keyOf = (key) => [key.BieuMau, key.CoSo, Number(key.Ky.Nam)].join('|')
const rowsOf = (rows) => (rows === undefined || rows === null ? [] : Array.isArray(rows) ? rows : [rows])
const valueOf = (found) => (found === null || found === undefined || typeof found === 'object' ? null : String(found))

function fault (code, text) {
  return { Fault: { faultcode: code, faultstring: text, detail: { LoiNghiepVu: { Ma: code.split('.').pop() } } } }
}

function result (id, code, text) {
  messages.set(id, code)
  return { KetQua: { MaTin: id, MaKetQua: code, ThongBao: text } }
}

function take (id, key, version, rows) {
  const held = store.get(keyOf(key))
  if (held && held.version > version) return result(id, 2, 'da co phien ban moi hon')
  if (held && held.version === version && messages.get(id) === 0) return result(id, 1, 'da ghi truoc do')
  applied += 1
  keys.push(id)
  if (rows.length) store.set(keyOf(key), { key, version, rows })
  else store.delete(keyOf(key))
  return result(id, 0, 'da ghi')
}

const port = {
  NopSoLieu (given) {
    const rows = rowsOf(given.Dong).map((row) => ({
      name: row.ChiTieu, value: valueOf(row.GiaTri), kind: row.attributes.loai
    }))
    const stranger = rows.find((row) => !KNOWN.test(row.name))
    if (stranger) throw fault('Client.ChiTieu', `khong co chi tieu ${stranger.name}`)
    return take(given.MaTin, given.Khoa, Number(given.PhienBan), rows)
  },
  XoaSoLieu (given) {
    return take(given.MaTin, given.Khoa, Number(given.PhienBan), [])
  },
  TraCuuTin (given) {
    const code = messages.get(given.MaTin)
    return { KetQua: { MaTin: given.MaTin, MaKetQua: code === undefined ? 44 : code } }
  },
  LietKe (given) {
    const all = []
    for (const id of [...store.keys()].sort()) {
      const { key, version, rows } = store.get(id)
      const year = Number(key.Ky.Nam)
      if (given.BieuMau && given.BieuMau !== key.BieuMau) continue
      if (given.CoSo && given.CoSo !== key.CoSo) continue
      if (given.Nam && Number(given.Nam) !== year) continue
      for (const row of rows) {
        all.push({
          BieuMau: key.BieuMau,
          CoSo: key.CoSo,
          Nam: year,
          ChiTieu: row.name,
          GiaTri: row.value === null ? NIL : row.value,
          Loai: row.kind,
          PhienBan: version
        })
      }
    }
    const from = Number(given.SauDong || 0)
    const to = from + Number(given.SoDong)
    return { Dong: all.slice(from, to), ...(to < all.length ? { TiepTheo: String(to) } : {}) }
  },
  ThayDoi (given) {
    if (given.SoDong > 500) throw fault('Client.SoDong', 'toi da 500 dong')
    const since = given.TuLuc ? new Date(given.TuLuc).getTime() : 0
    const rows = own.filter((row) => row.at >= since)
    const from = (Number(given.Trang) - 1) * Number(given.SoDong)
    const page = rows.slice(from, from + Number(given.SoDong)).map((row) => ({
      attributes: { capNhat: new Date(row.at).toISOString() },
      CoSo: row.co_so,
      Thang: row.ky,
      ChiTieu: row.ma,
      GiaTri: row.gia_tri === null ? NIL : row.gia_tri,
      Loai: row.loai
    }))
    return { TongSo: rows.length, Trang: { Dong: page } }
  }
}

const service = { TiepNhanBaoCao: { Cong: port } }
const wsdl = fs.readFileSync(path.join(__dirname, 'tiep-nhan.wsdl'), 'utf8')

// Faults work on the bytes that leave, below the library: what was applied stays applied.
function spoil (response, kind) {
  const end = response.end.bind(response)
  response.write = () => true
  response.end = () => {
    if (kind === 'mat-tra-loi') setTimeout(() => response.destroy(), 900)
    else end('<tra-loi>khong phai SOAP</tra-loi>')
    return response
  }
}

const server = http.createServer((request, response) => {
  if (request.url !== '/thu-nghiem') return response.writeHead(404).end()
  if (request.method === 'GET') {
    return response.end(JSON.stringify({ applied, keys, store: [...store.values()] }))
  }
  let raw = ''
  request.on('data', (part) => { raw += part })
  request.on('end', () => {
    const told = JSON.parse(raw)
    faults = told.faults || faults
    // Its clock rises with every change, so that no test waits for one.
    for (const row of told.nguon || []) own.push({ ...row, at: Date.UTC(2026, 0, 1) + own.length * 60000 })
    for (const [name, value] of Object.entries(told.sua || {})) {
      for (const { rows } of store.values()) {
        for (const row of rows) if (row.name === name) row.value = value
      }
    }
    response.end('{}')
  })
})

// The library sits down in front of the server's listener once it has read the contract; we sit in front of it.
function ready () {
  const [answer] = server.listeners('request')
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    if (request.method === 'POST' && request.url === '/tiep-nhan' && faults.length) spoil(response, faults.shift())
    answer(request, response)
  })
  process.stdout.write(`${server.address().port}\n`)
}

server.listen(0, '127.0.0.1', () => {
  const listener = soap.listen(server, { path: '/tiep-nhan', services: service, xml: wsdl, callback: ready })
  listener.authenticate = (security) => {
    const token = security && security.UsernameToken
    return Boolean(token) && token.Username === USER && (token.Password.$value || token.Password) === PASSWORD
  }
})
