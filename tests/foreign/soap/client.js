// A system that calls the hub's SOAP door with npm `soap`, knowing nothing but the address of its contract and a token.
//
// On its standard output, as JSON: the answers to a hand-over and to the question what became of it, and the fault that a
// call without a token gets.
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
  process.stdout.write(JSON.stringify({ handed, asked, fault }))
}

main().catch((error) => {
  process.stderr.write(String(error.stack || error))
  process.exit(1)
})
