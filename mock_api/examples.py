"""One command for each dialect that asks for a debit. README.md has the same commands, and a test runs them."""

BASE = "http://127.0.0.1:8090"

EXAMPLES = {
    "mtn": """\
curl -i http://127.0.0.1:8090/mtn/collection/v1_0/requesttopay -H 'Authorization: Bearer sandbox' \\
  -H 'Ocp-Apim-Subscription-Key: key' -H 'X-Target-Environment: mtnivorycoast' \\
  -H 'X-Reference-Id: 11377cbe-374c-43f6-a019-4fb70e57b617' -H 'Content-Type: application/json' \\
  -d '{"amount": "15000", "currency": "XOF", "externalId": "op-1", "payer": {"partyIdType": "MSISDN",
       "partyId": "2250507000001"}, "payerMessage": "Fine", "payeeNote": "Fine"}'""",
    "gsma": """\
curl -i http://127.0.0.1:8090/gsma/transactions/type/merchantpay -H 'X-API-Key: key' \\
  -H 'X-CorrelationID: 11377cbe-374c-43f6-a019-4fb70e57b617' -H 'Content-Type: application/json' \\
  -d '{"amount": "15000", "currency": "XOF", "requestingOrganisationTransactionReference": "op-1",
       "debitParty": [{"key": "msisdn", "value": "+2250707000001"}],
       "creditParty": [{"key": "accountid", "value": "CITY-01"}]}'""",
    "mvola": """\
curl -i http://127.0.0.1:8090/mvola/mvola/mm/transactions/type/merchantpay/1.0.0/ \\
  -H 'Authorization: Bearer sandbox' -H 'Version: 1.0' -H 'UserLanguage: FR' -H 'partnerName: City' \\
  -H 'UserAccountIdentifier: msisdn;0340017983' -H 'X-CorrelationID: 11377cbe-374c-43f6-a019-4fb70e57b617' \\
  -H 'Content-Type: application/json' \\
  -d '{"amount": "15000", "currency": "Ar", "descriptionText": "Fine",
       "requestingOrganisationTransactionReference": "op-1",
       "debitParty": [{"key": "msisdn", "value": "0340017901"}],
       "creditParty": [{"key": "msisdn", "value": "0340017983"}]}'""",
    "airtel": """\
curl -i http://127.0.0.1:8090/airtel/merchant/v1/payments/ -H 'Authorization: Bearer sandbox' \\
  -H 'X-Country: ZM' -H 'X-Currency: ZMW' -H 'Content-Type: application/json' \\
  -d '{"reference": "Fine", "subscriber": {"country": "ZM", "currency": "ZMW", "msisdn": "977123401"},
       "transaction": {"amount": 1000, "country": "ZM", "currency": "ZMW", "id": "op-1"}}'""",
    "orange_cm": """\
curl -i -X POST http://127.0.0.1:8090/orange-cm/omcoreapis/1.0.2/mp/init \\
  -H 'Authorization: Bearer sandbox' -H 'X-AUTH-TOKEN: dXNlcjpzZWNyZXQ='""",
    "orange_webpay": """\
curl -i http://127.0.0.1:8090/orange-webpay/orange-money-webpay/dev/v1/webpayment \\
  -H 'Authorization: Bearer sandbox' -H 'Content-Type: application/json' \\
  -d '{"merchant_key": "key", "currency": "OUV", "order_id": "op-1", "amount": 15000, "reference": "Fine",
       "return_url": "http://127.0.0.1:8090/", "cancel_url": "http://127.0.0.1:8090/",
       "notif_url": "http://127.0.0.1:9/notifications", "lang": "fr"}'""",
    "daraja": """\
curl -i http://127.0.0.1:8090/daraja/mpesa/stkpush/v1/processrequest -H 'Authorization: Bearer sandbox' \\
  -H 'Content-Type: application/json' \\
  -d '{"BusinessShortCode": "174379", "Timestamp": "20261121163000",
       "Password": "MTc0Mzc5cGFzc2tleTIwMjYxMTIxMTYzMDAw", "TransactionType": "CustomerPayBillOnline",
       "Amount": 100, "PartyA": "254708374101", "PartyB": "174379", "PhoneNumber": "254708374101",
       "CallBackURL": "http://127.0.0.1:9/callbacks", "AccountReference": "op-1", "TransactionDesc": "Fine"}'""",
    "wave": """\
curl -i http://127.0.0.1:8090/wave/v1/checkout/sessions -H 'Authorization: Bearer key' \\
  -H 'Idempotency-Key: op-1' -H 'Content-Type: application/json' \\
  -d '{"amount": "1000", "currency": "XOF", "client_reference": "op-1",
       "success_url": "http://127.0.0.1:8090/", "error_url": "http://127.0.0.1:8090/"}'""",
}
GENERIC = """\
curl -i http://127.0.0.1:8090/operator/debits -H 'Content-Type: application/json' \\
  -d '{"request_id": "op-1", "msisdn": "+2250707000001", "amount": "15000", "currency": "XOF", "reason": "Fine"}'"""
"""The same in the contract of the sandbox itself."""
