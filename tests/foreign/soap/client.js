// A system that calls the hub's SOAP door with npm `soap`, knowing nothing but the address of its contract and a token.
//
// On its standard output, as JSON: the answers to a hand-over and to the question what became of it, and the fault that a
// call without a token and a message beyond the size limit get; between them digests and values below a key.
'use strict'

const soap = require('soap')

const NAMESPACE = 'urn:laichau:reporting:1'
const [, , contract, token] = process.argv

async function main () {
  const stranger = await soap.createClientAsync(contract)
  const fault = await stranger.GetReportStatusAsync({ message_id: 'npm-1' }).catch((error) => error.root.Envelope.Body.Fault)
  const client = await soap.createClientAsync(contract)
  client.addSoapHeader({ Token: token }, '', 'tns', NAMESPACE)
  const [handed] = await client.SubmitReportDataAsync({
    message_id: 'npm-1',
    sender: 'csdl',
    form: 'GD-NAM',
    unit: 'LC',
    period: '2016',
    version: 1,
    value: [
      { indicator: 'GD01', amount: '8.966', status: 'estimate' },
      { indicator: 'GD02', status: 'official' }
    ]
  })
  client.clearSoapHeaders()
  client.setSecurity(new soap.BearerSecurity(token))
  const [asked] = await client.GetReportStatusAsync({ message_id: 'npm-1' })
  const [parts] = await client.GetDigestsAsync({ level: 'part', period: '2016', form: 'GD-NAM', parts: 4 })
  const [listed] = await client.ListValuesAsync({
    form: 'GD-NAM', period: '2016', groups: 3, of: [{ unit: '12', group: 1 }, { unit: '14', group: 0 }]
  })
  const large = await client.GetReportStatusAsync({ message_id: 'x'.repeat(100000) }).catch((error) => error.root.Envelope.Body.Fault)
  process.stdout.write(JSON.stringify({ handed, asked, fault, parts, listed, large }))
}

main().catch((error) => {
  process.stderr.write(String(error.stack || error))
  process.exit(1)
})
