package demo

// Texts are what the demo says about itself. They are samples of an imagined
// maker, and each of them says so.
func Texts() map[string]string {
	const sample = "This is a sample text of a shop that does not exist. Nothing can really be bought here.\n\n"
	return map[string]string{
		"terms": sample + `# Who you buy from

You buy from Hazelmott, a workshop we made up to show this shop.

# When there is a contract

The shop window is an invitation. With the button "Order and pay" you make us an offer, and we accept it when your payment arrives.

# Prices

Prices include tax. Delivery is added before you order, and you see it first.

# If something is wrong with it

The law gives you rights for two years. Write to us and we put it right.`,
		"returns": sample + `# 14 days to change your mind

You may send things back within 14 days after they arrive, without a reason. One sentence to us is enough.

- We pay back what you paid, with standard delivery.
- You pay for sending it back.
- What was made for you alone can't come back.`,
		"shipping": sample + `# Where we send to

- Germany: 4.90 euro, free from 150 euro. Two to four working days.
- Austria: 7.90 euro.
- Everywhere else: 9.90 euro.

# Collect it

You can collect your things at the workshop for nothing. We write to you when they are ready.`,
		"imprint": sample + "Responsible for what stands here: nobody, because Hazelmott is invented.",
	}
}
