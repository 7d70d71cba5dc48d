"""The body that the peers validate: the payment of the benchmark, with marshmallow as it is commonly used."""

from marshmallow import Schema, fields, validate


class Fine(Schema):
    id = fields.String(required=True, validate=validate.Length(1, 64))
    amount = fields.Integer(required=True, validate=validate.Range(1))


class Payment(Schema):
    msisdn = fields.String(required=True, validate=validate.Regexp(r"^\+[1-9]\d{6,14}$"))
    currency = fields.String(required=True, validate=validate.Length(equal=3))
    amount = fields.Integer(required=True, validate=validate.Range(1))
    amendes = fields.List(fields.Nested(Fine), required=True, validate=validate.Length(1, 50))
